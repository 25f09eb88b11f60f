/* The mint's store, when the n-th call of anything fails: what was
 * acknowledged is there after a restart, what was refused is not half there,
 * and no token says more than was granted. */
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "common/base64url.h"
#include "common/json_heap.h"
#include "issuer/mint.h"
#include "tests/faults/nth_fixture.h"

/* ---- what one round does ---- */

static struct fixture *at;
static struct jwk *key;

struct round {
	struct mint *m;
	struct token_row old, new;
	bool minted, revoked;
};

static const char scopes[] = "node:1b9d6bcd-bbfd-4b2d-9b5d:r photos:read";
static const char networks[] = "10.0.0.0/8";

static struct token_row grant(void)
{
	struct token_row t = { .iat = T0,
			       .exp = T0 + DAY,
			       .has_scope = true,
			       .user = "alice.liddell@example.org",
			       .audience = "files photos",
			       .created_by = "unit" };
	(void)span_copy(t.scope, sizeof t.scope, span_str(scopes));
	(void)span_copy(t.cidr, sizeof t.cidr, span_str(networks));
	return t;
}

/* All that was granted, and nothing else, stands in the token. */
static void assert_says(struct span token, const struct token_row *t)
{
	struct span part, rest = token;
	char text[2048], want[2048];
	size_t n;
	assert_true(span_cut(&rest, '.', &part));
	assert_true(span_cut(&rest, '.', &part));
	assert_int_equal(
		base64url_decode(part, (uint8_t *)text, sizeof text - 1, &n),
		MM_OK);
	text[n] = '\0';
	snprintf(want, sizeof want,
		 "{\"aud\":[\"files\",\"photos\"],\"cidr\":\"%s\",\"exp\":%lld,"
		 "\"iat\":%lld,\"iss\":\"" ISS "\",\"jti\":\"%u.%u\","
		 "\"scope\":\"%s\",\"status\":{\"status_list\":{\"idx\":%u,"
		 "\"uri\":\"" ISS "/s/%u\"}},\"sub\":\"%s\"}",
		 networks, (long long)t->exp, (long long)t->iat, t->list,
		 t->idx, scopes, t->idx, t->list, t->user);
	assert_string_equal(text, want);
}

/* As the handlers do it: the token, then its row; and a revocation. */
static void mint_and_revoke(struct round *d)
{
	AUTO_BUF struct buf token = buf_new(TOKEN_MAX);
	struct span text;
	bool changed;
	d->new = grant();
	d->minted =
		mint_token(d->m, key, true, &d->new, &token, NULL) == MM_OK &&
		buf_done(&token, &text) == MM_OK &&
		store_mint(at->s, &d->new) == MM_OK;
	d->revoked =
		store_set_status(at->s, d->old.list, d->old.idx, STATUS_REVOKED,
				 &by_unit, &changed) == MM_OK;
	if (d->minted)
		assert_says(text, &d->new);
}

/* ---- what must be so after it ---- */

static void assert_kept(const struct round *d)
{
	struct token_row t;
	if (d->minted) {
		assert_int_equal(store_get(at->s, d->new.list, d->new.idx, &t),
				 MM_OK);
		assert_string_equal(t.user, d->new.user);
		assert_true(t.has_scope);
		assert_string_equal(t.scope, scopes);
		assert_string_equal(t.cidr, networks);
	}
	assert_int_equal(store_get(at->s, d->old.list, d->old.idx, &t), MM_OK);
	if (d->revoked)
		assert_int_equal(t.status, TOKEN_REVOKED);
}

/* The log has no gap, and says what was revoked. */
static void assert_log(const struct round *d)
{
	static struct event events[256];
	uint64_t seq = 0;
	bool told = false;
	size_t n;
	do {
		assert_int_equal(
			store_events(at->s, LOG_AT(seq), 256, events, &n),
			MM_OK);
		for (size_t i = 0; i < n; i++) {
			const struct event *e = &events[i];
			assert_int_equal(e->seq, ++seq);
			told |= e->type == EVENT_STATUS &&
				e->list == d->old.list &&
				e->idx == d->old.idx &&
				e->value == STATUS_REVOKED;
		}
	} while (n == 256);
	assert_true(told || !d->revoked);
}

static void begin(struct round *d)
{
	*d = (struct round){ .old = mint(at, DAY, 0) };
	assert_int_equal(store_key_add(at->s, jwk_kid(key), "{}", &by_unit),
			 MM_OK);
	assert_int_equal(mint_open(at->s, ISS, false, &d->m), MM_OK);
}

/* Once more, with nothing in the way. */
static void assert_recovers(struct round *d)
{
	mint_and_revoke(d);
	assert_true(d->minted && d->revoked);
	assert_kept(d);
}

static void store_round(struct nth_round *r)
{
	struct round d, again;
	begin(&d);
	nth_begin(r);
	mint_and_revoke(&d);
	nth_end(r);
	assert_kept(&d);
	again = d;
	assert_recovers(&again);
	mint_close(d.m);
	open_again(at);
	assert_kept(&d);
	assert_kept(&again);
	assert_log(&again);
}

static void test_F5_mint_and_revoke(void **state)
{
	at = *state;
	assert_in_range(nth_each(NTH_MALLOC, store_round), 100, 10000);
}

static void test_F3_mint_and_revoke(void **state)
{
	at = *state;
	assert_in_range(nth_each(NTH_WRITE, store_round), 4, 1000);
}

/* ---- opening ---- */

static void open_round(struct nth_round *r)
{
	struct why why = { .text = "" };
	struct token_row t = mint(at, DAY, 0);
	store_close(at->s);
	at->s = NULL;
	nth_begin(r);
	enum mm_err e = store_open(at->path, ISS, no_wake, NULL, &at->s, &why);
	nth_end(r);
	if (e != MM_OK) {
		assert_int_not_equal(e, MM_ERR_VERSION); /* "move it away"? */
		assert_string_not_equal(why.text, "");
		assert_null(strstr(why.text, "damaged")); /* a backup, then? */
	}
	open_again(at);
	assert_int_equal(store_get(at->s, t.list, t.idx, &t), MM_OK);
}

static void test_F5_open(void **state)
{
	at = *state;
	assert_in_range(nth_each(NTH_MALLOC, open_round), 100, 200000);
}

static void test_F3_open(void **state)
{
	at = *state;
	assert_in_range(nth_each(NTH_WRITE | NTH_OPEN, open_round), 1, 1000);
}

/* ---- opening what was damaged, and is not any more ---- */

static void put_mark(void)
{
	char mark[280];
	snprintf(mark, sizeof mark, "%s.damaged", at->path);
	int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static bool was_said(FILE *log, const char *event)
{
	char line[4096];
	bool said = false;
	rewind(log);
	while (!said && fgets(line, sizeof line, log) != NULL)
		said = strstr(line, event) != NULL;
	return said;
}

/* That there was no memory to look says nothing about the file. */
static void look_round(struct nth_round *r)
{
	struct why why = { .text = "" };
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	assert_non_null(log);
	store_close(at->s);
	at->s = NULL;
	put_mark();
	dup2(fileno(log), STDERR_FILENO);
	nth_begin(r);
	enum mm_err e = store_open(at->path, ISS, no_wake, NULL, &at->s, &why);
	nth_end(r);
	dup2(before, STDERR_FILENO);
	close(before);
	assert_false(was_said(log, "\"store.corrupt\""));
	if (was_said(log, "\"store.unchecked\""))
		assert_true(e != MM_OK || store_is_damaged(at->s));
	fclose(log);
	open_again(at);
	assert_false(store_is_damaged(at->s));
}

static void test_F5_look_again(void **state)
{
	at = *state;
	assert_in_range(nth_each(NTH_MALLOC, look_round), 100, 200000);
}

/* ---- a disk that does not take what it was given ---- */

/* In a process of its own, since that must end: 70, and no more
 * acknowledgements.  What it has done we both see. */
static void child(struct nth_round *r, struct round *d)
{
	open_again(at);
	begin(d);
	nth_begin(r);
	mint_and_revoke(d);
	nth_end(r);
	_exit(r->hit ? 1 : 0);
}

static void sync_round(struct nth_round *r)
{
	int status;
	struct round *d = mmap(NULL, sizeof *d, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(d, MAP_FAILED);
	store_close(at->s);
	at->s = NULL;
	pid_t pid = fork();
	if (pid == 0)
		child(r, d);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	r->hit = WEXITSTATUS(status) != 0;
	if (r->hit)
		assert_int_equal(WEXITSTATUS(status), 70);
	open_again(at);
	assert_kept(d);
	assert_log(d);
	munmap(d, sizeof *d);
}

static void test_F4_mint_and_revoke(void **state)
{
	at = *state;
	assert_in_range(nth_each(NTH_SYNC, sync_round), 2, 100);
}

/* A commit syncs once.  What else is synced is a checkpoint's: the log, then
 * the file.  Were that silent, the next one would take as copied what the disk
 * never got, and write over it in the log. */
static void checkpoint_child(unsigned sync, const struct token_row *t)
{
	open_again(at);
	for (int i = 0; i < 2000; i++) {
		unsigned to = i % 2 ? STATUS_VALID : STATUS_SUSPENDED;
		bool changed;
		if (i > 10) /* a new log's head is synced, too */
			nth_arm(NTH_SYNC, sync, EIO, false);
		enum mm_err e = store_set_status(at->s, t->list, t->idx, to,
						 &by_unit, &changed);
		if (nth_disarm() || e != MM_OK || !changed)
			_exit(1);
	}
	_exit(2);
}

static void checkpoint_fails(unsigned sync)
{
	int status;
	struct token_row t = mint(at, DAY, 0);
	store_close(at->s);
	at->s = NULL;
	pid_t pid = fork();
	if (pid == 0)
		checkpoint_child(sync, &t);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	open_again(at);
	assert_int_equal(store_get(at->s, t.list, t.idx, &t), MM_OK);
}

static void test_F4_checkpoint(void **state)
{
	at = *state;
	checkpoint_fails(2);
	checkpoint_fails(3);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_F5_mint_and_revoke),
		T(test_F3_mint_and_revoke),
		T(test_F5_open),
		T(test_F3_open),
		T(test_F5_look_again),
		T(test_F4_mint_and_revoke),
		T(test_F4_checkpoint),
	};
	json_heap_watch(free); /* as mintmarkd does */
	if (jwk_generate(JWK_ES256, &key) != MM_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	jwk_drop(key);
	return failed;
}
