/* keep.c - open, resume, and save what a host holds. */
#include "verifier/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/owner.h"
#include "verifier/checkpoint.h"
#include "verifier/use_file.h"

#define CHECKPOINT_MS (10 * 60 * 1000)
#define SUFFIX_MAX    24 /* ".checkpoint", and ".XXXXXX" behind it */
#define TIME_LIMIT    INT64_C(253402300799)
#define SEEN_MAX      65536 /* tokens: some 10 MiB */

/* keep_open() has seen that it fits. */
static const char *beside(const struct keeper *k, const char *suffix,
			  char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%.*s%s", PATH_MAX - SUFFIX_MAX, k->path,
		 suffix);
	return out;
}

/* ---- one keeper a state file ---- */

static enum mm_err take_lock(struct keeper *k, struct why *why)
{
	char path[PATH_MAX];
	struct stat st;
	k->lock_fd = open(beside(k, ".lock", path),
			  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->lock_fd < 0 || fstat(k->lock_fd, &st) != 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot open %s: %s", path,
			       strerror(errno));
	TRY(owner_check_file(&st, geteuid(), path, why));
	if (flock(k->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return why_say(why, MM_ERR_BUSY, NULL,
			       "another mintmark-agent keeps %s: stop it, or "
			       "give this one a --state of its own",
			       k->path);
	return MM_OK;
}

bool keep_lost_lock(const struct keeper *k)
{
	char path[PATH_MAX];
	struct stat ours, there;
	return fstat(k->lock_fd, &ours) == 0 &&
	       (lstat(beside(k, ".lock", path), &there) != 0
			? errno == ENOENT
			: there.st_dev != ours.st_dev ||
				  there.st_ino != ours.st_ino);
}

enum mm_err keep_open(struct keeper *k, const char *path, const char *iss,
		      int64_t max_staleness, struct why *why)
{
	struct sockaddr_un address;
	*k = (struct keeper){ .max_staleness = max_staleness,
			      .lock_fd = -1,
			      .live = STATE_WRITER_NONE,
			      .journal = JOURNAL_NONE };
	pthread_mutex_init(&k->lock, NULL);
	seen_table_init(&k->seen, SEEN_MAX);
	if (!span_copy(k->path, sizeof k->path - SUFFIX_MAX, span_str(path)) ||
	    !use_address(path, &address))
		return why_say(why, MM_ERR_INVALID, "state",
			       "the path of the state file is too long: the "
			       "socket beside it may have %zu bytes",
			       sizeof address.sun_path - 1);
	if (!span_copy(k->iss, sizeof k->iss, span_str(iss)))
		return why_say(why, MM_ERR_INVALID, "issuer",
			       "the issuer's name is longer than %d bytes",
			       ISS_SIZE - 1);
	TRY(state_may_replace(path, why));
	TRY(keep_check_place(path, why));
	TRY(take_lock(k, why));
	state_disown(path, iss);
	char file[PATH_MAX];
	return journal_open(&k->journal, beside(k, ".journal", file), why);
}

void keep_close(struct keeper *k)
{
	state_writer_close(&k->live);
	journal_close(&k->journal);
	replica_free(&k->replica);
	use_table_free(&k->uses);
	seen_table_free(&k->seen);
	if (k->lock_fd >= 0)
		close(k->lock_fd); /* and with it the lock */
	k->lock_fd = -1;
	pthread_mutex_destroy(&k->lock);
}

/* ---- resuming ---- */

/* Libraries call malformed, or badly signed, also what they had no memory to
 * look at.  To take that for damage would throw away revocations: who has set
 * errno to 0 before asks what malloc() has left there. */
static enum mm_err if_memory(enum mm_err e)
{
	return e != MM_OK && errno == ENOMEM ? MM_ERR_NOMEM : e;
}

static bool is_for_now(enum mm_err e)
{
	return e == MM_ERR_NOMEM || e == MM_ERR_IO;
}

static enum mm_err open_kept(const struct keeper *k, struct span jws,
			     struct buf *payload, struct span *text)
{
	TRY(jws_open(jws, TYP_FEED, &k->replica.keys, payload));
	return buf_done(payload, text);
}

struct replaying {
	struct keeper *k;
	int64_t now;
};

/* Batches that the checkpoint has already are older than it: skipped.  A time
 * that was not believed when the batch came (note_fresh()) is not now. */
static enum mm_err replay(void *ctx, struct span jws)
{
	const struct replaying *r = ctx;
	struct keeper *k = r->k;
	int64_t before = k->replica.iat;
	AUTO_BUF struct buf payload = buf_new(FEED_BATCH_MAX);
	struct span text;
	errno = 0;
	enum mm_err e = open_kept(k, jws, &payload, &text);
	if (e == MM_OK)
		e = batch_apply(&k->replica, text, NULL, NULL);
	if (k->replica.iat > r->now + CLOCK_LEEWAY)
		k->replica.iat = before;
	return e == MM_ERR_ROLLBACK ? MM_OK : if_memory(e);
}

/* Unreadable for good: what is there is not resumed from, and the issuer is
 * asked instead. */
static enum mm_err load_checkpoint(struct keeper *k)
{
	char path[PATH_MAX];
	beside(k, ".checkpoint", path);
	errno = 0;
	enum mm_err e = if_memory(checkpoint_load(&k->replica, path, &k->lost));
	if (e == MM_OK && strcmp(k->replica.iss, k->iss) != 0)
		e = why_say(&k->lost, MM_ERR_WRONG_ISSUER, NULL,
			    "%s is another issuer's: going on without it",
			    path);
	if (e == MM_ERR_NOT_FOUND) /* the first start */
		k->lost.text[0] = '\0';
	return e;
}

static enum mm_err load_uses(struct keeper *k)
{
	char path[PATH_MAX];
	struct use_tables all = { &k->uses, &k->seen };
	beside(k, ".pending", path);
	errno = 0;
	enum mm_err e =
		if_memory(use_file_load(all, path, k->iss, &k->lost_uses));
	if (e == MM_ERR_NOT_FOUND) /* the first start */
		k->lost_uses.text[0] = '\0';
	return e;
}

static enum mm_err not_now(const struct keeper *k, enum mm_err e,
			   struct why *why)
{
	return why_say(why, e, NULL,
		       "cannot read what is kept beside %s (%s): start again "
		       "when that can be, or take its .checkpoint, .journal "
		       "and .pending away to begin with nothing",
		       k->path,
		       e == MM_ERR_NOMEM ? "out of memory" : strerror(errno));
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

enum mm_err keep_load(struct keeper *k, int64_t now, struct why *why)
{
	enum mm_err e = load_uses(k);
	if (!is_for_now(e))
		e = load_checkpoint(k);
	if (is_for_now(e))
		return not_now(k, e, why);
	if (e != MM_OK) {
		replica_free(&k->replica);
		return journal_empty(&k->journal);
	}
	struct replaying r = { k, later(now, k->replica.iat) };
	e = journal_replay(&k->journal, replay, &r);
	if (e != MM_OK)
		return not_now(k, e, why);
	k->holds = true;
	if (k->replica.iat > r.now)
		k->replica.iat = r.now;
	k->fresh_at = k->replica.iat;
	k->fresh_ms = clock_ms();
	k->doubt = k->fresh_at > now + CLOCK_LEEWAY;
	if (k->doubt) /* what the issuer says next is to be seen */
		k->replica.iat = 0;
	return keep_show(k, why);
}

/* ---- saving ---- */

enum mm_err keep_checkpoint(struct keeper *k, struct why *why)
{
	char path[PATH_MAX];
	if (!k->holds)
		return MM_OK;
	k->checkpoint_ms = clock_ms();
	TRY(checkpoint_save(&k->replica, k->fresh_at,
			    beside(k, ".checkpoint", path), why));
	return journal_empty(&k->journal);
}

enum mm_err keep_maybe_checkpoint(struct keeper *k, struct why *why)
{
	int64_t age = clock_ms() - k->checkpoint_ms;
	bool due = age > CHECKPOINT_MS && k->holds;
	/* a broken journal is retried, but not in a frenzy */
	bool full = journal_is_long(&k->journal) && age > 1000;
	return due || full ? keep_checkpoint(k, why) : MM_OK;
}

void keep_give_way(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

/* The lock, which a revocation needs, is held for a slice at a time, and never
 * while there is memory to be found or the disk to be waited for. */
static enum mm_err write_uses(struct keeper *k, size_t about, struct buf *out)
{
	use_file_begin(out, k->iss, about);
	for (size_t left = SIZE_MAX; left != 0 && use_file_room(out);) {
		pthread_mutex_lock(&k->lock);
		left = use_file_uses(out, &k->uses, left);
		pthread_mutex_unlock(&k->lock);
		keep_give_way();
	}
	pthread_mutex_lock(&k->lock);
	use_file_seen(out, &k->seen);
	pthread_mutex_unlock(&k->lock);
	return use_file_end(out);
}

static enum mm_err save_uses(struct keeper *k, size_t about, struct why *why)
{
	char path[PATH_MAX];
	AUTO_BUF struct buf text = buf_new(USE_FILE_MAX);
	struct span whole;
	TRY(write_uses(k, about, &text));
	TRY(buf_done(&text, &whole));
	return file_replace(beside(k, ".pending", path), whole, 0600, why);
}

enum mm_err keep_save_uses(struct keeper *k, struct why *why)
{
	pthread_mutex_lock(&k->lock);
	bool changed = k->uses.changed || k->seen.changed;
	size_t about = use_file_size((struct use_tables){ &k->uses, &k->seen });
	k->uses.changed = k->seen.changed = false;
	pthread_mutex_unlock(&k->lock);
	if (!changed)
		return MM_OK;

	enum mm_err e = save_uses(k, about, why);
	if (e == MM_OK)
		return MM_OK;
	pthread_mutex_lock(&k->lock);
	k->uses.changed = true; /* still to be saved */
	pthread_mutex_unlock(&k->lock);
	return e;
}

/* ---- uses ---- */

/* A text of the datagram: does it end, and is there nothing behind it? */
static bool ends(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	for (size_t i = n; i < size; i++)
		if (text[i] != '\0')
			return false;
	return n < size;
}

static bool texts_fit(const struct use_datagram *d)
{
	return ends(d->door, sizeof d->door) && ends(d->from, sizeof d->from) &&
	       (d->door[0] == '\0' || door_is_word(span_str(d->door)));
}

/* Each kind of token is in a list of its kind. */
static bool kind_fits(const struct use_datagram *d, const struct state_list *l)
{
	return d->auto_refresh >= 0 && d->auto_refresh <= TIME_LIMIT &&
	       l->kind == (d->auto_refresh ? LIST_AUTO_REFRESH : LIST_FIXED);
}

static bool believable(const struct keeper *k, const struct use_datagram *d,
		       int64_t now)
{
	const struct state_list *l =
		k->live.head ? state_find(k->live.head, d->list) : NULL;
	return l != NULL && d->idx < l->size && kind_fits(d, l) &&
	       texts_fit(d) && d->iat > 0 && d->exp <= TIME_LIMIT &&
	       d->used_at <= now + 1 && d->used_at >= d->iat &&
	       d->used_at < effective_expiry(
				    d->iat, d->exp, d->auto_refresh,
				    state_last_use(k->live.head, l, d->idx));
}

/* Where there is no room people see less; no token dies of it. */
static void note_seen(struct keeper *k, const struct use_datagram *d)
{
	struct sighting s = { .list = d->list,
			      .idx = d->idx,
			      .hour = seen_hour(d->used_at) };
	memcpy(s.door, d->door, sizeof s.door);
	from_write(s.from, span_str(d->from));
	(void)!seen_table_add(&k->seen, &s);
}

static enum mm_err note_use(struct keeper *k, const struct use_datagram *d)
{
	const struct list *l = replica_list(&k->replica, d->list);
	struct use_entry e = { .list = d->list,
			       .idx = d->idx,
			       .iat = d->iat,
			       .exp = d->exp,
			       .window = d->auto_refresh };
	int64_t known =
		l && l->last_use && d->idx < l->size ? l->last_use[d->idx] : 0;
	TRY(use_table_add(&k->uses, &e, known, d->used_at));
	enum mm_err shown =
		state_raise_use(&k->live, d->list, d->idx, d->used_at);
	if (shown != MM_ERR_TOO_LARGE)
		return shown;
	k->wants_file = true;
	keep_grow(k);
	return MM_OK;
}

enum mm_err keep_use(struct keeper *k, const struct use_datagram *d,
		     int64_t now)
{
	enum mm_err e = MM_ERR_INVALID;
	pthread_mutex_lock(&k->lock);
	keep_grow(k);
	if (believable(k, d, now)) {
		note_seen(k, d);
		e = d->auto_refresh ? note_use(k, d) : MM_OK;
	}
	pthread_mutex_unlock(&k->lock);
	return e;
}
