/* store_sqlite.c - the store's file: opening, statements, group commit.
 *
 * Changes of many callers go into one transaction: each caller leaves a job
 * and sleeps; the writer thread takes all jobs that wait, runs each in a
 * savepoint of its own, commits once (one fsync), and wakes them.  So a
 * refused change does not undo its neighbours, and nobody is answered
 * before the disk has it.
 */
#include "issuer/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

/* ---- the writer ---- */

/* Only what breaks the whole transaction is returned; what the job itself
 * came to is its own. */
static enum mm_err run_job(struct conn *c, struct job *j)
{
	TRY(conn_exec(c, "SAVEPOINT job"));
	j->result = j->run(c, j->arg);
	if (sqlite3_get_autocommit(c->db)) /* a full disk may have ended it */
		return j->result != MM_OK ? j->result : MM_ERR_UNAVAILABLE;
	if (j->result != MM_OK)
		TRY(conn_exec(c, "ROLLBACK TO job"));
	return conn_exec(c, "RELEASE job");
}

static void run_batch(struct store *s, struct job *jobs)
{
	struct conn *c = &s->writer;
	enum mm_err e = conn_exec(c, "BEGIN IMMEDIATE");
	for (struct job *j = jobs; j != NULL && e == MM_OK; j = j->next)
		e = run_job(c, j);
	if (e == MM_OK)
		e = conn_exec(c, "COMMIT");
	if (e == MM_OK)
		return;
	log_event(LOG_ERR, "store.commit_failed", "reason=%s detail=%s",
		  mm_err_word(e), sqlite3_errmsg(c->db));
	if (!sqlite3_get_autocommit(c->db) && conn_exec(c, "ROLLBACK") != MM_OK)
		log_event(LOG_ERR, "store.rollback_failed", "detail=%s",
			  sqlite3_errmsg(c->db));
	for (struct job *j = jobs; j != NULL; j = j->next)
		j->result = e;
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->first == NULL && !s->stopping)
			pthread_cond_wait(&s->queued, &s->lock);
		if (s->first == NULL)
			break;
		struct job *jobs = s->first;
		s->first = NULL;
		s->last = &s->first;
		pthread_mutex_unlock(&s->lock);

		run_batch(s, jobs);

		pthread_mutex_lock(&s->lock);
		for (struct job *j = jobs, *next; j != NULL; j = next) {
			next = j->next; /* a finished job is its caller's */
			j->done = true;
		}
		pthread_cond_broadcast(&s->finished);
		s->wake(s->wake_ctx);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

enum mm_err store_write(struct store *s,
			enum mm_err (*run)(struct conn *, void *), void *arg)
{
	struct job job = { .run = run, .arg = arg };
	pthread_mutex_lock(&s->lock);
	*s->last = &job;
	s->last = &job.next;
	pthread_cond_signal(&s->queued);
	while (!job.done)
		pthread_cond_wait(&s->finished, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return job.result;
}

/* ---- opening ---- */

/* `mintmark key` looks whether it is held, and so holds it for a moment. */
static bool lock_soon(int fd)
{
	const struct timespec tick = { .tv_nsec = 10 * 1000000 };
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK || i == 20)
			return false;
		nanosleep(&tick, NULL);
	}
	return true;
}

/* A lock file beside the database, so that two daemons never share it. */
static enum mm_err lock_store(struct store *s, const char *path,
			      struct why *why)
{
	char lock[4096];
	snprintf(lock, sizeof lock, "%s.lock", path);
	s->lock_fd =
		open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot open %s: %s", lock,
			       strerror(errno));
	if (!lock_soon(s->lock_fd))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "another mintmarkd holds %s: stop it, or "
			       "choose another --data",
			       path);
	return MM_OK;
}

static enum mm_err new_epoch(char out[EPOCH_SIZE])
{
	uint8_t r[16];
	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return MM_ERR_UNAVAILABLE;
	for (size_t i = 0; i < sizeof r; i++)
		snprintf(out + 2 * i, 3, "%02x", r[i]);
	return MM_OK;
}

static const struct {
	int to;
	const char *text;
} steps[] = {
#define X(to, text) { to, text },
	STORE_STEPS(X)
#undef X
};

/* Inside a transaction, which the version is part of: so a store is of one
 * version or of another, whenever the power fails. */
static enum mm_err take_steps(struct conn *c, int64_t from)
{
	char pragmas[128];
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (steps[i].to > from)
			TRY(conn_exec(c, steps[i].text));
	snprintf(pragmas, sizeof pragmas,
		 "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 STORE_APPLICATION_ID, STORE_VERSION);
	return conn_exec(c, pragmas);
}

/* `from` 0: there is nothing yet. */
static enum mm_err bring_up(struct conn *c, int64_t from)
{
	TRY(conn_exec(c, "BEGIN IMMEDIATE"));
	if (from == 0)
		TRY(conn_exec(c, STORE_SCHEMA));
	TRY(take_steps(c, from ? from : 1));
	return conn_exec(c, "COMMIT");
}

static enum mm_err upgrade(struct conn *c, const char *path, int64_t from,
			   struct why *why)
{
	if (bring_up(c, from) != MM_OK)
		return why_say(
			why, MM_ERR_UNAVAILABLE, NULL,
			"cannot bring %s from version %lld to %d: %s; it "
			"is as it was",
			path, (long long)from, STORE_VERSION,
			sqlite3_errmsg(c->db));
	log_event(LOG_NOTICE, "store.upgraded", "from=%lld to=%d",
		  (long long)from, STORE_VERSION);
	return MM_OK;
}

static enum mm_err run_plain(struct conn *c, enum statement which)
{
	AUTO_QUERY struct query q = query_new(c, which);
	return query_run(&q);
}

static enum mm_err begin_history(struct conn *c, void *arg)
{
	char epoch[EPOCH_SIZE];
	TRY(new_epoch(epoch));
	AUTO_QUERY struct query q = query_new(c, ST_META_EPOCH);
	query_text(&q, epoch);
	TRY(query_run(&q));
	TRY(run_plain(c, ST_LIST_DROP));
	TRY(run_plain(c, ST_LIST_CUT));
	TRY(run_plain(c, ST_LIST_FILL));
	TRY(run_plain(c, ST_LIST_SKIP));
	return audit_append(
		c, &(struct audit_entry){ .event = "store.restore" }, arg);
}

enum mm_err store_begin_history(struct store *s)
{
	struct stamp stamp = { .by = "mintmarkd --restored",
			       .at = clock_now() };
	return store_write(s, begin_history, &stamp);
}

/* Ours, of this version?  A new, empty file is made so, an older one too. */
static enum mm_err check_file(struct conn *c, const char *path, struct why *why)
{
	int64_t tables, version, application;
	TRY(conn_pragma(c, "SELECT count(*) FROM sqlite_master", &tables));
	TRY(conn_pragma(c, "PRAGMA user_version", &version));
	TRY(conn_pragma(c, "PRAGMA application_id", &application));
	if (tables == 0)
		return bring_up(c, 0);
	if (application != STORE_APPLICATION_ID)
		return why_say(why, MM_ERR_VERSION, NULL,
			       "%s is not a Mintmark store: move it away, or "
			       "choose another --data",
			       path);
	if (version < 1 || version > STORE_VERSION)
		return why_say(why, MM_ERR_VERSION, NULL,
			       "%s has version %lld, this mintmarkd reads 1 to "
			       "%d: use the newer mintmarkd that wrote it",
			       path, (long long)version, STORE_VERSION);
	return version == STORE_VERSION ? MM_OK
					: upgrade(c, path, version, why);
}

/* The store belongs to one issuer for ever: its name is in every token. */
static enum mm_err check_issuer(struct conn *c, const char *iss,
				struct why *why)
{
	char known[ISS_SIZE] = "", epoch[EPOCH_SIZE];
	AUTO_QUERY struct query q = query_new(c, ST_META_GET);
	if (query_row(&q))
		column_text(&q, 0, known, sizeof known);
	TRY(query_end(&q));
	if (known[0] == '\0') {
		AUTO_QUERY struct query put = query_new(c, ST_META_PUT);
		TRY(new_epoch(epoch));
		query_text(&put, iss);
		query_text(&put, epoch);
		return query_run(&put);
	}
	if (strcmp(known, iss) == 0)
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, "issuer",
		       "the store belongs to issuer %s, not %s: start with "
		       "that --issuer, or choose another --data",
		       known, iss);
}

static enum mm_err open_file(struct conn *c, const char *path)
{
	TRY(conn_open(c, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
	conn_checkpoints(c);
	return conn_exec(c, "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA foreign_keys = ON");
}

static enum mm_err ready_writer(struct conn *c, const char *path,
				const char *iss, struct why *why)
{
	if (open_file(c, path) != MM_OK)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "cannot open the store %s: %s", path,
			       c->db ? sqlite3_errmsg(c->db) : "out of memory");
	TRY(check_file(c, path, why));
	if (conn_prepare(c) != MM_OK)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "the store %s is damaged: %s", path,
			       sqlite3_errmsg(c->db));
	TRY(check_issuer(c, iss, why));
	return audit_guard(c, path, why);
}

/* What went wrong in SQLite, where nobody has said more. */
static enum mm_err open_writer(struct store *s, const char *path,
			       const char *iss, struct why *why)
{
	struct why said = { .text = "" };
	enum mm_err e = ready_writer(&s->writer, path, iss, &said);
	if (e != MM_OK && said.text[0] == '\0')
		return why_say(why, e, NULL, "cannot open the store %s: %s",
			       path, sqlite3_errmsg(s->writer.db));
	if (e != MM_OK && why != NULL)
		*why = said;
	return e;
}

static enum mm_err open_readers(struct store *s, const char *path,
				struct why *why)
{
	for (int i = 0; i < STORE_READERS; i++) {
		struct conn *c = &s->reader[i];
		pthread_mutex_init(&c->lock, NULL);
		if (conn_open(c, path, SQLITE_OPEN_READONLY) != MM_OK ||
		    conn_prepare(c) != MM_OK)
			return why_say(why, MM_ERR_UNAVAILABLE, NULL,
				       "cannot read the store %s: %s", path,
				       sqlite3_errmsg(c->db));
	}
	return MM_OK;
}

static void store_close_at(struct store **s)
{
	store_close(*s);
}

enum mm_err store_open(const char *path, const char *iss, void (*wake)(void *),
		       void *ctx, struct store **out, struct why *why)
{
	__attribute__((cleanup(store_close_at))) struct store *s =
		calloc(1, sizeof *s);
	if (s == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	s->lock_fd = -1;
	s->wake = wake;
	s->wake_ctx = ctx;
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->counting, NULL);
	pthread_cond_init(&s->queued, NULL);
	pthread_cond_init(&s->finished, NULL);

	TRY(lock_store(s, path, why));
	TRY(open_writer(s, path, iss, why));
	TRY(open_readers(s, path, why));
	if (pthread_create(&s->thread, NULL, writer_main, s) != 0)
		return why_say(why, MM_ERR_NOMEM, NULL,
			       "cannot start the store's thread");
	s->running = true;
	*out = s;
	s = NULL;
	return MM_OK;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stopping = true;
		pthread_cond_signal(&s->queued);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	for (int i = 0; i < STORE_READERS; i++)
		conn_close(&s->reader[i]);
	conn_close(&s->writer);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}
