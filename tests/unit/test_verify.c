/* Step 3: every refusal has its reason, every character of a token counts,
 * and a use is told when it is worth telling. */
#include <openssl/evp.h>
#include <sys/socket.h>

#include "tests/unit/verify_desk.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>

/* ---- good ---- */

static void test_good(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	desk_begin(&d, (struct mm_options){ 0 });
	assert_ok(ask(&d,
		      (struct says){ .list = SLIDE,
				     .idx = 9,
				     .window = 5 * DAY,
				     .scope = "node:1:rw photos:read" },
		      &t));
	assert_string_equal(t.id, "2.9");
	assert_string_equal(t.user, "alice");
	assert_string_equal(t.scope, "node:1:rw photos:read");
	assert_true(t.has_scope);
	assert_int_equal(t.issued_at, T0);
	assert_int_equal(t.expires_at, T0 + 30 * DAY);
	assert_int_equal(t.dies_at, T0 + 5 * DAY);
	assert_int_equal(t.auto_refresh, 5 * DAY);
	assert_int_equal(t.list, SLIDE);
	assert_int_equal(t.index, 9);

	assert_ok(state_raise_use(&d.w, SLIDE, 9, T0 + 50));
	assert_ok(ask(&d,
		      (struct says){ .list = SLIDE, .idx = 9, .window = DAY },
		      &t));
	assert_int_equal(t.dies_at, T0 + 50 + DAY);
	assert_false(t.has_scope);
	desk_end(&d);
}

/* ---- refusals ---- */

static void test_reasons(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *stranger = NULL;
	struct desk d;
	struct mm_token t, before;
	desk_begin(&d, (struct mm_options){ .audience = "files" });
	assert_ok(jwk_generate(JWK_ES256, &stranger));
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_REVOKED));
	assert_ok(state_put_status(&d.w, FIXED, 2, STATUS_SUSPENDED));
	assert_ok(state_put_status(&d.w, FIXED, 3, 3));
	int64_t now = d.now;
	const struct {
		const char *what;
		enum mm_err want;
		struct says says;
	} cases[] = {
		{ "as it should be", MM_OK, { .idx = 0 } },
		{ "its audience", MM_OK, { .aud = "[\"mail\",\"files\"]" } },
		{ "another audience",
		  MM_ERR_WRONG_AUDIENCE,
		  { .aud = "\"files.example.org\"" } },
		{ "no audience at all", MM_ERR_MALFORMED, { .aud = "[]" } },
		{ "another issuer",
		  MM_ERR_WRONG_ISSUER,
		  { .iss = ISS ".evil.org" } },
		{ "issuer with a slash",
		  MM_ERR_WRONG_ISSUER,
		  { .iss = ISS "/" } },
		{ "just not ahead", MM_OK, { .iat = now + 60 } },
		{ "ahead", MM_ERR_NOT_YET_VALID, { .iat = now + 61 } },
		{ "nbf", MM_ERR_NOT_YET_VALID, { .nbf = now + 61 } },
		{ "last second", MM_OK, { .exp = now + 1 } },
		{ "expired", MM_ERR_EXPIRED, { .exp = now } },
		{ "window's last second",
		  MM_OK,
		  { .list = SLIDE, .window = 101 } },
		{ "idle", MM_ERR_IDLE, { .list = SLIDE, .window = 100 } },
		{ "revoked", MM_ERR_REVOKED, { .idx = 1 } },
		{ "suspended", MM_ERR_SUSPENDED, { .idx = 2 } },
		{ "status 3", MM_ERR_REVOKED, { .idx = 3 } },
		{ "expired and revoked",
		  MM_ERR_EXPIRED,
		  { .idx = 1, .exp = now } },
		{ "index past the list", MM_ERR_REVOKED, { .idx = SIZE } },
		{ "a list we do not know yet", MM_ERR_STALE, { .list = 3 } },
		{ "a key we do not know",
		  MM_ERR_UNKNOWN_KEY,
		  { .key = stranger } },
		{ "a status list",
		  MM_ERR_MALFORMED,
		  { .typ = TYP_STATUS_LIST } },
		{ "a feed object", MM_ERR_MALFORMED, { .typ = TYP_FEED } },
		{ "at+jwt", MM_ERR_MALFORMED, { .typ = "at+jwt" } },
		{ "a whole access token",
		  MM_ERR_MALFORMED,
		  { .typ = TYP_ACCESS,
		    .own = ".k3_Z",
		    .client = "1.0",
		    .aud = "\"files\"" } },
		{ "an access token called a PAT",
		  MM_ERR_MALFORMED,
		  { .own = ".k3_Z", .client = "1.0", .aud = "\"files\"" } },
		{ "a bad scope", MM_ERR_MALFORMED, { .scope = "node:1:rwx" } },
		{ "no network", MM_ERR_MALFORMED, { .cidr = "10.0.0.1/8" } },
		{ "an empty cidr", MM_ERR_MALFORMED, { .cidr = "" } },
		{ "from where is not known",
		  MM_ERR_WRONG_ADDRESS,
		  { .cidr = "0.0.0.0/0 ::/0" } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&t, 0xA5, sizeof t);
		before = t;
		enum mm_err e = ask(&d, cases[i].says, &t);
		if (e != cases[i].want)
			fail_msg("%s: %s", cases[i].what, mm_reason(e));
		if (e != MM_OK) /* written only when the answer is MM_OK */
			assert_memory_equal(&t, &before, sizeof t);
	}
	desk_end(&d);
}

/* What is said of PATs holds for access tokens, where these are taken. */
static void test_access_tokens(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	desk_begin(&d, (struct mm_options){ .audience = "files",
					    .flags = MM_ACCESS_TOKENS });
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_REVOKED));
	assert_ok(state_put_status(&d.w, FIXED, 2, STATUS_SUSPENDED));
	int64_t now = d.now;
	const struct {
		const char *what;
		enum mm_err want;
		const char *typ, *own, *client, *aud;
		int64_t exp;
		uint32_t list, idx;
	} cases[] = {
#define GOOD "at+jwt", ".k3_Z", "1.0", "\"files\""
		{ "good", MM_OK, GOOD, 0, 0, 0 },
		{ "on a list of the other kind", MM_OK, GOOD, 0, SLIDE, 9 },
		{ "expired", MM_ERR_EXPIRED, GOOD, now, 0, 0 },
		{ "its parent was revoked", MM_ERR_REVOKED, GOOD, 0, 0, 1 },
		{ "its parent is on hold", MM_ERR_SUSPENDED, GOOD, 0, 0, 2 },
		{ "another audience", MM_ERR_WRONG_AUDIENCE, "at+jwt", ".k3_Z",
		  "1.0", "\"mail\"", 0, 0, 0 },
		{ "no audience", MM_ERR_MALFORMED, "at+jwt", ".k3_Z", "1.0",
		  NULL, 0, 0, 0 },
		{ "no client", MM_ERR_MALFORMED, "at+jwt", ".k3_Z", NULL,
		  "\"files\"", 0, 0, 0 },
		{ "a PAT's id", MM_ERR_MALFORMED, "at+jwt", NULL, "1.0",
		  "\"files\"", 0, 0, 0 },
		{ "called a PAT", MM_ERR_MALFORMED, "JWT", ".k3_Z", "1.0",
		  "\"files\"", 0, 0, 0 },
		{ "typ in capitals", MM_ERR_MALFORMED, "AT+JWT", ".k3_Z", "1.0",
		  "\"files\"", 0, 0, 0 },
		{ "its long name", MM_ERR_MALFORMED, "application/at+jwt",
		  ".k3_Z", "1.0", "\"files\"", 0, 0, 0 },
		{ "a status list", MM_ERR_MALFORMED, TYP_STATUS_LIST, ".k3_Z",
		  "1.0", "\"files\"", 0, 0, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&t, 0, sizeof t);
		enum mm_err e = ask(&d,
				    (struct says){ .typ = cases[i].typ,
						   .own = cases[i].own,
						   .client = cases[i].client,
						   .aud = cases[i].aud,
						   .exp = cases[i].exp,
						   .list = cases[i].list,
						   .idx = cases[i].idx },
				    &t);
		if (e != cases[i].want)
			fail_msg("%s: %s", cases[i].what, mm_reason(e));
		assert_true(t.access_token == (e == MM_OK));
	}
	t.access_token = true;
	assert_ok(ask(&d, (struct says){ .idx = 5 }, &t)); /* a PAT as ever */
	assert_false(t.access_token);
	desk_end(&d);
}

static void test_wrong_user(void **state)
{
	(void)state;
	static const struct {
		const char *user;
		enum mm_err want;
	} cases[] = {
		{ "alice", MM_OK },
		{ "", MM_ERR_WRONG_USER },
		{ "alic", MM_ERR_WRONG_USER },
		{ "alice ", MM_ERR_WRONG_USER },
		{ "Alice", MM_ERR_WRONG_USER },
		{ "alice@example.org", MM_ERR_WRONG_USER },
		{ "root", MM_ERR_WRONG_USER },
		{ NULL, MM_ERR_WRONG_USER },
	};
	struct desk d;
	struct mm_token t;
	desk_begin(&d, (struct mm_options){ 0 });
	AUTO_BUF struct buf b;
	struct span token = token_make(&d.m, (struct says){ .idx = 0 }, &b);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(mm_verify_user(d.v, cases[i].user,
					  (const char *)token.at, token.len,
					  &t),
			   cases[i].want);
	desk_end(&d);
}

/* Of a good token it is asked where it comes from, and then whose it is; who
 * passes no address has none. */
static void test_wrong_address(void **state)
{
	(void)state;
	static const struct {
		const char *user, *address;
		enum mm_err want;
	} cases[] = {
		{ NULL, "192.0.2.7", MM_OK },
		{ NULL, "::ffff:192.0.2.7", MM_OK },
		{ NULL, "2001:db8::7", MM_OK },
		{ "alice", "192.0.2.7", MM_OK },
		{ NULL, "192.0.3.7", MM_ERR_WRONG_ADDRESS },
		{ NULL, "2001:db9::7", MM_ERR_WRONG_ADDRESS },
		{ NULL, "localhost", MM_ERR_WRONG_ADDRESS },
		{ NULL, "", MM_ERR_WRONG_ADDRESS },
		{ NULL, NULL, MM_ERR_WRONG_ADDRESS },
		{ "alice", NULL, MM_ERR_WRONG_ADDRESS },
		{ "bob", "192.0.3.7", MM_ERR_WRONG_ADDRESS },
		{ "bob", "192.0.2.7", MM_ERR_WRONG_USER },
	};
	static const char *const froms[] = { "192.0.2.7", "x", "", NULL };
	struct says limited = { .idx = 0,
				.cidr = "192.0.2.0/24 2001:db8::/32" };
	struct desk d;
	struct mm_token t;
	AUTO_BUF struct buf b, any;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, limited, &b);
	const char *text = (const char *)token.at;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mm_client c = { cases[i].user, cases[i].address };
		enum mm_err e = mm_verify_client(d.v, &c, text, token.len, &t);
		if (e != cases[i].want)
			fail_msg("%s: %s", cases[i].address, mm_reason(e));
	}
	assert_err(mm_verify(d.v, text, token.len, &t), MM_ERR_WRONG_ADDRESS);
	assert_err(mm_verify_user(d.v, "alice", text, token.len, &t),
		   MM_ERR_WRONG_ADDRESS);
	/* what is dead is not said to be in the wrong place */
	assert_ok(state_put_status(&d.w, FIXED, 0, STATUS_REVOKED));
	assert_err(mm_verify(d.v, text, token.len, &t), MM_ERR_REVOKED);

	token = token_make(&d.m, (struct says){ .idx = 1 }, &any);
	for (size_t i = 0; i < sizeof froms / sizeof froms[0]; i++) {
		struct mm_client c = { .address = froms[i] };
		assert_ok(mm_verify_client(d.v, &c, (const char *)token.at,
					   token.len, &t));
	}
	desk_end(&d);
}

/* None of a token's characters may be another one. */
static void test_every_character(void **state)
{
	(void)state;
	static const char others[] = "AB.=-_ \n"; /* and its NUL */
	struct desk d;
	struct mm_token t;
	AUTO_BUF struct buf b;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, (struct says){ .idx = 0 }, &b);
	char *text = (char *)b.at;
	for (size_t i = 0; i < token.len; i++)
		for (size_t o = 0; o < sizeof others; o++) {
			char keep = text[i];
			text[i] = others[o];
			if (text[i] != keep &&
			    mm_verify(d.v, text, token.len, &t) == MM_OK)
				fail_msg("passes with %zu = %d", i, others[o]);
			text[i] = keep;
		}
	for (size_t n = 0; n < token.len; n++)
		if (mm_verify(d.v, text, n, &t) == MM_OK)
			fail_msg("passes with %zu characters", n);
	assert_ok(mm_verify(d.v, text, token.len, &t));
	desk_end(&d);
}

static void test_form(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	AUTO_BUF struct buf b;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, (struct says){ .idx = 0 }, &b);
	size_t n = token.len;
	static const char *const junk[] = { ".", "A", "=", "\n", " ", ".A" };
	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		buf_str(&b, junk[i]);
		if (mm_verify(d.v, (char *)b.at, b.len, &t) == MM_OK)
			fail_msg("passes with a tail %zu", i);
		b.len = n;
	}
	static char large[1 << 20];
	memset(large, 'A', sizeof large);
	static const size_t sizes[] = { 0, 1, TOKEN_MAX, TOKEN_MAX + 1,
					sizeof large };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		assert_err(mm_verify(d.v, large, sizes[i], &t),
			   MM_ERR_MALFORMED);
	memset(large, '.', sizeof large);
	assert_err(mm_verify(d.v, large, 3, &t), MM_ERR_MALFORMED);
	desk_end(&d);
}

/* TOKEN_MAX characters are a token's, one more is nobody's. */
static void test_longest(void **state)
{
	(void)state;
	char scope[2001] = "", aud[1024];
	size_t good = 0, bad = 0;
	struct desk d;
	struct mm_token t;
	desk_begin(&d, (struct mm_options){ 0 });
	memset(scope, 'x', sizeof scope - 1);
	for (int n = 600; n < 1000; n++) {
		AUTO_BUF struct buf b;
		snprintf(aud, sizeof aud, "\"%0*d\"", n, 0);
		struct span token = token_make(
			&d.m, (struct says){ .scope = scope, .aud = aud }, &b);
		bool fits = token.len <= TOKEN_MAX;
		assert_err(
			mm_verify(d.v, (const char *)token.at, token.len, &t),
			fits ? MM_OK : MM_ERR_MALFORMED);
		good += token.len == TOKEN_MAX || token.len == TOKEN_MAX - 1;
		bad += token.len == TOKEN_MAX + 1 || token.len == TOKEN_MAX + 2;
	}
	assert_true(good != 0 && bad != 0); /* or nothing was tested */
	desk_end(&d);
}

/* That we cannot check is no reason against the token, and none for it. */
static void test_no_crypto(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	AUTO_BUF struct buf b;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, (struct says){ .idx = 0 }, &b);
	EVP_set_default_properties(NULL, "provider=none");
	enum mm_err e = mm_verify(d.v, (const char *)token.at, token.len, &t);
	EVP_set_default_properties(NULL, "");
	assert_err(e, MM_ERR_UNAVAILABLE);
	assert_ok(mm_verify(d.v, (const char *)token.at, token.len, &t));
	desk_end(&d);
}

/* ---- staleness ---- */

static void test_stale(void **state)
{
	(void)state;
	static const struct {
		int64_t option, age;
		enum mm_err want;
	} cases[] = {
		{ 0, DAY, MM_OK },
		{ 0, DAY + 1, MM_ERR_STALE },
		{ 10, 10, MM_OK },
		{ 10, 11, MM_ERR_STALE },
		{ 9 * DAY, DAY, MM_OK }, /* only ever stricter */
		{ 9 * DAY, DAY + 1, MM_ERR_STALE },
	};
	struct desk d;
	struct mm_token t;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		desk_begin(&d, (struct mm_options){ .max_staleness =
							    cases[i].option });
		d.now = T0 + cases[i].age;
		assert_err(ask(&d, (struct says){ .idx = 0 }, &t),
			   cases[i].want);
		/* first of all: also when the token is none */
		assert_err(mm_verify(d.v, "x", 1, &t),
			   cases[i].want == MM_OK ? MM_ERR_MALFORMED
						  : MM_ERR_STALE);
		desk_end(&d);
	}
}

/* Somebody put a fresh file there without marking the old one. */
static void test_stale_looks_again(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	char aside[128];
	desk_begin(&d, (struct mm_options){ 0 });
	snprintf(aside, sizeof aside, "%s/aside", d.m.folder);
	assert_int_equal(rename(d.m.path, aside), 0);
	state_writer_close(&d.w);
	assert_ok(state_create(&d.w, d.m.path, &d.m.r, NULL, DAY, NULL));
	state_put_head(&d.w, 8, T0 + 9 * DAY);
	assert_ok(state_install(&d.w, NULL));
	d.now = T0 + 9 * DAY;
	assert_ok(ask(&d, (struct says){ .idx = 0 }, &t));
	desk_end(&d);
}

static void test_state(void **state)
{
	(void)state;
	struct desk d;
	struct mm_state s;
	desk_begin(&d, (struct mm_options){ 0 });
	assert_ok(mm_state(d.v, &s));
	assert_string_equal(s.issuer, ISS);
	assert_int_equal(s.sequence, 7);
	assert_int_equal(s.heard_at, T0);
	assert_int_equal(s.max_staleness, DAY);
	assert_false(s.superseded);

	d.now = T0 + DAY + 1;
	assert_err(mm_state(d.v, &s), MM_ERR_STALE);
	assert_int_equal(s.heard_at, T0);

	desk_publish(&d);
	assert_ok(mm_state(d.v, &s));
	assert_int_equal(s.sequence, 8);
	assert_int_equal(s.heard_at, d.now);

	/* who was to put another in its place did not come so far */
	atomic_store(&d.w.head->superseded, 1);
	assert_ok(mm_state(d.v, &s));
	assert_true(s.superseded);
	desk_end(&d);

	desk_begin(&d, (struct mm_options){ .max_staleness = 60 });
	assert_err(mm_state(d.v, &s), MM_ERR_STALE);
	assert_int_equal(s.max_staleness, 60);
	desk_end(&d);
}

/* ---- scopes ---- */

static void test_allow(void **state)
{
	(void)state;
	static const char *const ids[] = { "leaf", "folder", "root" };
	static const struct {
		const char *scope;
		unsigned perm;
		bool allowed;
	} cases[] = {
		{ NULL, MM_READ | MM_WRITE, true },
		{ "node:leaf:r", MM_READ, true },
		{ "node:leaf:r", MM_WRITE, false },
		{ "node:leaf:r", MM_READ | MM_WRITE, false },
		{ "node:root:rw", MM_READ | MM_WRITE, true },
		{ "node:root:r node:leaf:w", MM_READ | MM_WRITE, true },
		{ "node:other:rw", MM_READ, false },
		{ "disk:leaf:rw", MM_READ, false },
		{ "photos:read", MM_READ, false },
		{ "node:leaf:rw", 0, false },
		{ "node:leaf:rw", 4, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mm_token t = { .has_scope = cases[i].scope != NULL };
		if (cases[i].scope)
			snprintf(t.scope, sizeof t.scope, "%s", cases[i].scope);
		assert_err(mm_allow(&t, "node", ids, 3, cases[i].perm),
			   cases[i].allowed ? MM_OK
					    : MM_ERR_INSUFFICIENT_SCOPE);
	}
	struct mm_token t = { .has_scope = true, .scope = "photos:read x" };
	assert_true(mm_has_scope(&t, "photos:read"));
	assert_true(mm_has_scope(&t, "x"));
	assert_false(mm_has_scope(&t, "photos"));
	t.has_scope = false;
	assert_true(mm_has_scope(&t, "anything"));
}

/* ---- uses ---- */

static int listen_for_uses(const struct desk *d)
{
	struct sockaddr_un to;
	assert_true(use_address(d->m.path, &to));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static bool heard(int fd, struct use_datagram *d)
{
	return recv(fd, d, sizeof *d, 0) == (ssize_t)sizeof *d;
}

static int64_t turn_begins(const struct says *s, int64_t now)
{
	int64_t turn = SEEN_GRAIN;
	if (s->window != 0 && s->window / 64 < turn)
		turn = s->window / 64;
	return now - now % (turn ? turn : 1);
}

static void test_use_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct says says;
		int64_t last_use, now;
		bool told;
	} cases[] = {
		{ "fixed", { .idx = 0 }, 0, T0 + 5000, false },
		{ "in the second of its birth",
		  { .list = SLIDE, .idx = 1, .window = 3 },
		  0,
		  T0,
		  false },
		{ "a short window, a second on",
		  { .list = SLIDE, .idx = 2, .window = 3 },
		  0,
		  T0 + 1,
		  true },
		{ "told in this second",
		  { .list = SLIDE, .idx = 3, .window = 3 },
		  T0 + 1,
		  T0 + 1,
		  false },
		{ "before the grain",
		  { .list = SLIDE, .idx = 4, .window = 6400 },
		  0,
		  T0 + 99,
		  false },
		{ "after it",
		  { .list = SLIDE, .idx = 5, .window = 6400 },
		  T0 + 50,
		  T0 + 150,
		  true },
		{ "within an hour of the last",
		  { .list = SLIDE, .idx = 6, .window = 20 * DAY },
		  T0 + 1000,
		  T0 + 4599,
		  false },
		{ "an hour after it",
		  { .list = SLIDE, .idx = 7, .window = 20 * DAY },
		  T0 + 1000,
		  T0 + 4600,
		  true },
		{ "refused: not used",
		  { .list = SLIDE, .idx = 8, .window = 3 },
		  0,
		  T0 + 3,
		  false },
	};
	struct desk d;
	struct mm_token t;
	struct use_datagram u;
	desk_begin(&d, (struct mm_options){ 0 });
	int fd = listen_for_uses(&d);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (cases[i].last_use)
			assert_ok(state_raise_use(&d.w, SLIDE,
						  cases[i].says.idx,
						  cases[i].last_use));
		/* that it was used in this turn has been told */
		d.now = turn_begins(&cases[i].says, cases[i].now);
		d.now = d.now > T0 ? d.now : T0;
		if (d.now < cases[i].now || !cases[i].told)
			(void)!ask(&d, cases[i].says, &t);
		(void)heard(fd, &u);
		d.now = cases[i].now;
		(void)!ask(&d, cases[i].says, &t);
		if (heard(fd, &u) != cases[i].told)
			fail_msg("%s", cases[i].what);
		if (!cases[i].told)
			continue;
		assert_memory_equal(u.magic, USE_MAGIC, 4);
		assert_int_equal(u.list, SLIDE);
		assert_int_equal(u.idx, cases[i].says.idx);
		assert_int_equal(u.used_at, d.now);
		assert_int_equal(u.iat, T0);
		assert_int_equal(u.exp, T0 + 30 * DAY);
		assert_int_equal(u.auto_refresh, cases[i].says.window);
	}
	close(fd);
	desk_end(&d);
}

static void test_use_once_a_second(void **state)
{
	(void)state;
	const struct says s = { .list = SLIDE, .idx = 1, .window = 50 };
	struct desk d;
	struct mm_token t;
	struct use_datagram u;
	desk_begin(&d, (struct mm_options){ 0 });
	int fd = listen_for_uses(&d), n = 0;
	for (d.now = T0 + 1; d.now < T0 + 11; d.now++)
		for (int i = 0; i < 5; i++)
			assert_ok(ask(&d, s, &t));
	while (heard(fd, &u))
		n++;
	assert_int_equal(n, 10);

	mm_close(d.v); /* looking is not using */
	desk_open(&d, (struct mm_options){ .flags = MM_NO_USE });
	assert_ok(ask(&d, s, &t));
	assert_false(heard(fd, &u));
	close(fd);
	assert_ok(ask(&d, s, &t)); /* nobody there: never mind */
	desk_end(&d);
}

/* ---- opening ---- */

static void test_open(void **state)
{
	(void)state;
	static const char *const states[] = {
		NULL,
		"",
		"/nonexistent/state",
		"/dev/null",
		"/tmp",
		"https://pat.example.org", /* without a token_file */
		"http://pat.example.org",
	};
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		char why[200] = "";
		struct mm_verifier *v = (void *)why;
		struct mm_options opt = { .state = states[i],
					  .why = why,
					  .why_size = sizeof why };
		assert_err(mm_open(&opt, &v), MM_ERR_UNAVAILABLE);
		assert_null(v);
		assert_true(strlen(why) > 10);
	}
	mm_close(NULL);
	assert_string_equal(mm_reason(MM_OK), "ok");
	assert_string_equal(mm_reason(MM_ERR_IDLE), "idle");
	assert_non_null(mm_reason((enum mm_err)4711));
}

/* Root may write everywhere by this capability; without it, where modes say. */
static void write_everywhere(bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];
	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	if (on)
		data[0].effective |= data[0].permitted & 1u << CAP_DAC_OVERRIDE;
	else
		data[0].effective &= ~(1u << CAP_DAC_OVERRIDE);
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

/* RFC 9068 s4: an access token is for one service, by name. */
static void test_access_tokens_need_a_name(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t = { .id = "" };
	struct mm_verifier *v;
	char why[200];
	desk_begin(&d, (struct mm_options){ .flags = MM_ACCESS_TOKENS });
	struct says access = { .typ = TYP_ACCESS,
			       .own = ".k3_Z",
			       .client = "1.0",
			       .aud = "\"files\"" };
	assert_err(ask(&d, access, &t), MM_ERR_WRONG_AUDIENCE);
	assert_ok(ask(&d, (struct says){ .aud = "\"files\"" }, &t));

	struct mm_options opt = { .state = d.m.path,
				  .flags = MM_ACCESS_TOKENS,
				  .why = why,
				  .why_size = sizeof why };
	assert_err(mm_open(&opt, &v), MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why, "needs an audience"));
	opt.audience = "files";
	assert_ok(mm_open(&opt, &v));
	mm_close(v);
	desk_end(&d);
}

/* Whoever verifies without the right to say so is told, once: tokens in use
 * would die otherwise, and nobody would know why. */
static void test_uses_that_cannot_be_told(void **state)
{
	(void)state;
	struct desk d;
	char why[200], path[128];
	desk_begin(&d, (struct mm_options){ .flags = MM_NO_USE });
	struct mm_options opt = { .state = d.m.path,
				  .why = why,
				  .why_size = sizeof why };
	struct mm_verifier *v;
	assert_ok(mm_open(&opt, &v)); /* no socket: no agent, no warning */
	assert_string_equal(why, "");
	mm_close(v);

	snprintf(path, sizeof path, "%s.sock", d.m.path);
	int fd = open(path, O_CREAT | O_WRONLY, 0400);
	assert_true(fd >= 0);
	close(fd);
	write_everywhere(false);
	assert_ok(mm_open(&opt, &v));
	mm_close(v);
	assert_non_null(strstr(why, path));
	opt.flags = MM_NO_USE;
	assert_ok(mm_open(&opt, &v));
	mm_close(v);
	assert_string_equal(why, "");
	write_everywhere(true);
	desk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_access_tokens),
		cmocka_unit_test(test_access_tokens_need_a_name),
		cmocka_unit_test(test_wrong_user),
		cmocka_unit_test(test_wrong_address),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_no_crypto),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_stale_looks_again),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_use_is_told),
		cmocka_unit_test(test_use_once_a_second),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_uses_that_cannot_be_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
