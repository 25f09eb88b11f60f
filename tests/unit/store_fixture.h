/* store_fixture.h - a store in a folder of its own, and a token of alice. */
#ifndef MM_TESTS_STORE_FIXTURE_H
#define MM_TESTS_STORE_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include "issuer/store.h"
#include "tests/unit/unit.h"

#define T0  INT64_C(1790000000)
#define DAY INT64_C(86400)
#define ISS "https://pat.example.org"

struct fixture {
	char dir[64], path[96];
	struct store *s;
};

static const struct stamp by_unit = { .by = "unit", .at = T0, .admin = true };

static inline void no_wake(void *ctx)
{
	(void)ctx;
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
	for (size_t i = 0; i < 4; i++) {
		char path[128];
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

#endif
