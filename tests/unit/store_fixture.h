/* store_fixture.h - a store of its own, and a token of alice.
 *
 * A file; or, with MM_PG (tests/with-postgres), tables in that PostgreSQL. */
#ifndef MM_TESTS_STORE_FIXTURE_H
#define MM_TESTS_STORE_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include <libpq-fe.h>
#include <sqlite3.h>

#include "issuer/store_events.h"
#include "tests/unit/unit.h"

#define LOG_AT(n) (&(const struct log_place){ .seq = (n) })

#define T0  INT64_C(1790000000)
#define DAY INT64_C(86400)
#define ISS "https://pat.example.org"

struct fixture {
	char dir[64], path[256];
	struct store *s;
};

static const struct stamp by_unit = { .by = "unit", .at = T0, .admin = true };

static inline void no_wake(void *ctx)
{
	(void)ctx;
}

/* NULL: the store is a file. */
static inline const char *pg_address(void)
{
	return getenv("MM_PG");
}

static inline bool pg_do(const char *sql)
{
	PGconn *pg = PQconnectdb(pg_address());
	PQclear(PQexec(pg, "SET search_path = mintmark;"
			   "SET client_min_messages = 'error'"));
	PGresult *r = PQexec(pg, sql);
	bool done = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	PQfinish(pg);
	return done;
}

/* What somebody else does to the tables: do they let him? */
static inline bool others_do(struct fixture *f, const char *sql)
{
	sqlite3 *db;
	if (pg_address() != NULL)
		return pg_do(sql);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	bool done = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return done;
}

static inline void open_again(struct fixture *f)
{
	struct why why;
	store_close(f->s);
	f->s = NULL;
	assert_int_equal(store_open(f->path, ISS, no_wake, NULL, &f->s, &why),
			 MM_OK);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const char *tmp = getenv("MM_TEST_TMP");
	snprintf(f->dir, sizeof f->dir, "%.40s/mintmark-store-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (f == NULL || mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/s.db", f->dir);
	if (pg_address() != NULL) {
		snprintf(f->path, sizeof f->path, "%s", pg_address());
		if (!pg_do("DROP SCHEMA IF EXISTS mintmark CASCADE"))
			return -1;
	}
	open_again(f);
	assert_int_equal(store_key_add(f->s, "kid00000001", "{}", &by_unit),
			 MM_OK);
	*state = f;
	return 0;
}

static inline void tear_down_store(struct fixture *f)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	store_close(f->s);
	f->s = NULL;
	for (size_t i = 0; i < 4 && pg_address() == NULL; i++) {
		char path[280];
		snprintf(path, sizeof path, "%s%s", f->path, ends[i]);
		unlink(path);
	}
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	tear_down_store(f);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* The next index of its list. */
static inline void take_next(struct fixture *f, struct token_row *t)
{
	struct index_range r;
	assert_int_equal(
		store_reserve(f->s,
			      t->auto_refresh ? LIST_AUTO_REFRESH : LIST_FIXED,
			      t->exp, 1, &r),
		MM_OK);
	t->list = r.list;
	t->idx = r.first;
}

/* One that is to be minted, once. */
static inline struct token_row unminted(struct fixture *f, struct repeat *once)
{
	struct token_row t = { .iat = T0,
			       .exp = T0 + DAY,
			       .user = "alice",
			       .label = "once",
			       .kid = "kid00000001",
			       .created_by = "unit",
			       .once = once };
	struct index_range r;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, t.exp, 1, &r), MM_OK);
	t.list = r.list;
	t.idx = r.first;
	return t;
}

/* A minted token of alice; window 0 = fixed. */
static inline struct token_row mint(struct fixture *f, int64_t life,
				    int64_t window)
{
	struct token_row t = { .iat = T0,
			       .exp = T0 + life,
			       .auto_refresh = window,
			       .has_scope = true,
			       .user = "alice",
			       .label = "test",
			       .scope = "a b",
			       .kid = "kid00000001",
			       .created_by = "unit" };
	struct index_range r;
	assert_int_equal(store_reserve(f->s,
				       window ? LIST_AUTO_REFRESH : LIST_FIXED,
				       t.exp, 1, &r),
			 MM_OK);
	assert_int_equal(r.count, 1);
	t.list = r.list;
	t.idx = r.first;
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	return t;
}

/* Minted `days` after T0, and its user and label. */
static inline struct token_row mint_for(struct fixture *f, const char *user,
					const char *label, int64_t days,
					int64_t life)
{
	struct token_row t = { .iat = T0 + days * DAY,
			       .exp = T0 + days * DAY + life,
			       .kid = "kid00000001",
			       .created_by = "unit" };
	struct index_range r;
	snprintf(t.user, sizeof t.user, "%s", user);
	snprintf(t.label, sizeof t.label, "%s", label);
	assert_int_equal(store_reserve(f->s, LIST_FIXED, t.exp, 1, &r), MM_OK);
	t.list = r.list;
	t.idx = r.first;
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	return t;
}

#endif
