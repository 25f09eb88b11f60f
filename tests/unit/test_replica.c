/* test_replica.c - lists and keys moved by events: each is applied whole or
 * refused, and then nothing has changed. */
#include "common/replica.h"

#include "common/duration.h"
#include "tests/unit/unit.h"

#define EXPIRES	     1821536000
#define AUTO_REPLICA __attribute__((cleanup(replica_free)))

/* A replica at event 10: list 3 fixed, list 5 auto_refresh, 64 tokens. */
static struct replica small(void)
{
	struct replica r = { .seq = 10 };
	struct list *l;
	assert_int_equal(
		replica_add_list(&r, 5, LIST_AUTO_REFRESH, 64, EXPIRES, &l),
		MM_OK);
	assert_int_equal(replica_add_list(&r, 3, LIST_FIXED, 64, EXPIRES, &l),
			 MM_OK);
	return r;
}

static enum mm_err apply(struct replica *r, struct event e)
{
	e.seq = r->seq + 1;
	return replica_apply(r, &e);
}

/* ---- lists ---- */

static void test_lists(void **state)
{
	static const uint32_t numbers[] = { 7,	3,  9, 0, UINT32_MAX,
					    12, 11, 1, 8, 100 };
	AUTO_REPLICA struct replica r = { .seq = 0 };
	(void)state;
	assert_null(replica_list(&r, 0));
	for (size_t i = 0; i < ROWS(numbers); i++) {
		struct list *l = NULL;
		assert_null(replica_list(&r, numbers[i]));
		assert_int_equal(replica_add_list(&r, numbers[i], LIST_FIXED, 4,
						  EXPIRES, &l),
				 MM_OK);
		assert_ptr_equal(l, replica_list(&r, numbers[i]));
		list_status(l)[0] = (uint8_t)numbers[i];
	}
	for (size_t i = 0; i < r.list_count; i++)
		assert_true(i == 0 || r.lists[i - 1].list < r.lists[i].list);
	for (size_t i = 0; i < ROWS(numbers); i++)
		assert_int_equal(replica_list(&r, numbers[i])->status[0],
				 (uint8_t)numbers[i]);
	assert_null(replica_list(&r, 2));
	assert_null(replica_list(&r, 101));
}

static void test_new_list_is_zero(void **state)
{
	AUTO_REPLICA struct replica r = { .seq = 0 };
	struct list *l;
	(void)state;
	assert_int_equal(replica_add_list(&r, 1, LIST_AUTO_REFRESH,
					  LIST_SIZE_MAX, EXPIRES, &l),
			 MM_OK);
	for (uint32_t i = 0; i < l->size; i++)
		assert_true(status_get(l->status, i) == STATUS_VALID &&
			    l->last_use[i] == 0);
	assert_int_equal(replica_add_list(&r, 2, LIST_FIXED, 4, EXPIRES, &l),
			 MM_OK);
	assert_null(l->last_use);
}

static void test_bad_lists(void **state)
{
	static const struct {
		const char *what;
		int kind;
		uint32_t size;
		int64_t expires;
	} rows[] = {
		{ "no kind", 0, 64, EXPIRES },
		{ "no such kind", 3, 64, EXPIRES },
		{ "empty", LIST_FIXED, 0, EXPIRES },
		{ "half a byte", LIST_FIXED, 66, EXPIRES },
		{ "huge", LIST_FIXED, LIST_SIZE_MAX + 4, EXPIRES },
		{ "hugest", LIST_FIXED, UINT32_MAX - 3, EXPIRES },
		{ "dead", LIST_FIXED, 64, 0 },
		{ "before 1970", LIST_FIXED, 64, -1 },
		{ "for ever", LIST_FIXED, 64, DATE_MAX + 1 },
	};
	AUTO_REPLICA struct replica r = small();
	struct list *l = NULL;
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect(rows[i].what,
		       replica_add_list(&r, 6, (enum list_kind)rows[i].kind,
					rows[i].size, rows[i].expires, &l),
		       MM_ERR_MALFORMED);
	assert_null(l);
	assert_int_equal(r.list_count, 2);
}

static void test_same_list_again(void **state)
{
	AUTO_REPLICA struct replica r = small();
	struct list *l = replica_list(&r, 3), *again = NULL;
	(void)state;
	list_put_status(l, 7, STATUS_REVOKED);
	assert_int_equal(
		replica_add_list(&r, 3, LIST_FIXED, 64, EXPIRES, &again),
		MM_OK);
	assert_ptr_equal(again, l);
	assert_int_equal(status_get(again->status, 7), STATUS_REVOKED);

	assert_int_equal(
		replica_add_list(&r, 3, LIST_AUTO_REFRESH, 64, EXPIRES, &again),
		MM_ERR_MALFORMED);
	assert_int_equal(
		replica_add_list(&r, 3, LIST_FIXED, 128, EXPIRES, &again),
		MM_ERR_MALFORMED);
	assert_int_equal(
		replica_add_list(&r, 3, LIST_FIXED, 64, EXPIRES + 1, &again),
		MM_ERR_MALFORMED);
}

static void test_too_many_lists(void **state)
{
	AUTO_REPLICA struct replica r = { .seq = 0 };
	struct list *l;
	(void)state;
	for (uint32_t i = 0; i < 4096; i++)
		assert_int_equal(
			replica_add_list(&r, i, LIST_FIXED, 4, EXPIRES, &l),
			MM_OK);
	assert_int_equal(replica_add_list(&r, 4096, LIST_FIXED, 4, EXPIRES, &l),
			 MM_ERR_TOO_LARGE);
	assert_int_equal(replica_add_list(&r, 4095, LIST_FIXED, 4, EXPIRES, &l),
			 MM_OK);
}

/* ---- order ---- */

static void test_order(void **state)
{
	static const struct {
		uint64_t seq;
		enum mm_err want;
	} rows[] = {
		{ 0, MM_ERR_ROLLBACK }, { 1, MM_ERR_ROLLBACK },
		{ 9, MM_ERR_ROLLBACK }, { 10, MM_ERR_ROLLBACK },
		{ 12, MM_ERR_GAP },	{ UINT64_MAX, MM_ERR_GAP },
		{ 11, MM_OK },		{ 11, MM_ERR_ROLLBACK },
		{ 12, MM_OK },
	};
	AUTO_REPLICA struct replica r = small();
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct event e = { .seq = rows[i].seq,
					 .type = EVENT_STATUS,
					 .list = 3,
					 .value = 1 };
		uint64_t before = r.seq;
		expect("seq", replica_apply(&r, &e), rows[i].want);
		assert_true(r.seq ==
			    (rows[i].want == MM_OK ? rows[i].seq : before));
	}
}

/* ---- refusals ---- */

static void test_refused(void **state)
{
	static const struct {
		const char *what;
		struct event e;
	} rows[] = {
		{ "no type", { .type = 0 } },
		{ "no such type",
		  { .type = (enum event_type)(EVENT_KEY_COMPROMISED + 1) } },
		{ "status: no list", { .type = EVENT_STATUS, .list = 4 } },
		{ "status: past the end",
		  { .type = EVENT_STATUS, .list = 3, .idx = 64 } },
		{ "status: far past",
		  { .type = EVENT_STATUS, .list = 3, .idx = UINT32_MAX } },
		{ "status: value 3",
		  { .type = EVENT_STATUS, .list = 3, .value = 3 } },
		{ "status: value 4",
		  { .type = EVENT_STATUS, .list = 3, .value = 4 } },
		{ "renew: no list",
		  { .type = EVENT_RENEW, .list = 4, .last_use = 9 } },
		{ "renew: of a fixed list",
		  { .type = EVENT_RENEW, .list = 3, .last_use = 9 } },
		{ "renew: past the end",
		  { .type = EVENT_RENEW,
		    .list = 5,
		    .idx = 64,
		    .last_use = 9 } },
		{ "renew: never", { .type = EVENT_RENEW, .list = 5 } },
		{ "renew: before 1970",
		  { .type = EVENT_RENEW, .list = 5, .last_use = -1 } },
		{ "renew: after 2106",
		  { .type = EVENT_RENEW,
		    .list = 5,
		    .last_use = (int64_t)UINT32_MAX + 1 } },
		{ "list-new: another of the same number",
		  { .type = EVENT_LIST_NEW,
		    .list = 3,
		    .kind = LIST_FIXED,
		    .size = 128,
		    .expires = EXPIRES } },
		{ "list-new: no kind",
		  { .type = EVENT_LIST_NEW,
		    .list = 6,
		    .size = 64,
		    .expires = EXPIRES } },
		{ "key-new: nothing", { .type = EVENT_KEY_NEW } },
		{ "key-new: no key",
		  { .type = EVENT_KEY_NEW, .kid = "abc", .jwk = "{}" } },
		{ "key-new: a secret",
		  { .type = EVENT_KEY_NEW,
		    .kid = "abc",
		    .jwk = "{\"kty\":\"oct\",\"k\":\"AAAA\"}" } },
	};
	AUTO_REPLICA struct replica r = small();
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		expect(rows[i].what, apply(&r, rows[i].e), MM_ERR_MALFORMED);
		assert_int_equal(r.seq, 10);
		assert_int_equal(r.list_count, 2);
		assert_int_equal(r.keys.count, 0);
	}
	for (uint32_t i = 0; i < 64; i++) {
		assert_int_equal(status_get(replica_list(&r, 3)->status, i), 0);
		assert_int_equal(replica_list(&r, 5)->last_use[i], 0);
	}
}

/* ---- events ---- */

static unsigned status_of(const struct replica *r, uint32_t list, uint32_t idx)
{
	return status_get(replica_list(r, list)->status, idx);
}

static void test_status(void **state)
{
	static const unsigned values[] = { STATUS_REVOKED, STATUS_REVOKED,
					   STATUS_SUSPENDED, STATUS_VALID };
	AUTO_REPLICA struct replica r = small();
	(void)state;
	for (size_t i = 0; i < ROWS(values); i++) {
		assert_int_equal(
			apply(&r, (struct event){ .type = EVENT_STATUS,
						  .list = 3,
						  .idx = 63,
						  .value = values[i] }),
			MM_OK);
		assert_int_equal(status_of(&r, 3, 63), values[i]);
		assert_int_equal(status_of(&r, 3, 62), STATUS_VALID);
		assert_int_equal(status_of(&r, 5, 63), STATUS_VALID);
	}
	assert_int_equal(r.seq, 14);
}

static void test_renew(void **state)
{
	static const struct {
		int64_t at;
		uint32_t want;
	} rows[] = {
		{ 1790000000, 1790000000 },
		{ 1789999999, 1790000000 }, /* only forward */
		{ 1, 1790000000 },
		{ 1790000000, 1790000000 },
		{ UINT32_MAX, UINT32_MAX },
		{ 1790000001, UINT32_MAX },
	};
	AUTO_REPLICA struct replica r = small();
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(
			apply(&r, (struct event){ .type = EVENT_RENEW,
						  .list = 5,
						  .idx = 63,
						  .last_use = rows[i].at }),
			MM_OK);
		assert_true(replica_list(&r, 5)->last_use[63] == rows[i].want);
		assert_int_equal(replica_list(&r, 5)->last_use[62], 0);
	}
}

static void test_list_comes_and_goes(void **state)
{
	const struct event born = { .type = EVENT_LIST_NEW,
				    .list = 4,
				    .kind = LIST_AUTO_REFRESH,
				    .size = 64,
				    .expires = EXPIRES };
	const struct event dead = { .type = EVENT_LIST_DEAD, .list = 4 };
	AUTO_REPLICA struct replica r = small();
	(void)state;
	list_put_status(replica_list(&r, 3), 1, STATUS_REVOKED);
	list_put_status(replica_list(&r, 5), 2, STATUS_REVOKED);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(apply(&r, born), MM_OK);
		assert_int_equal(apply(&r, born), MM_OK); /* said twice */
		assert_int_equal(r.list_count, 3);
		assert_int_equal(status_of(&r, 4, 1), STATUS_VALID);
		list_put_status(replica_list(&r, 4), 1, STATUS_REVOKED);
		assert_int_equal(apply(&r, dead), MM_OK);
		assert_int_equal(apply(&r, dead), MM_OK);
		assert_null(replica_list(&r, 4));
	}
	assert_int_equal(r.list_count, 2);
	assert_int_equal(status_of(&r, 3, 1), STATUS_REVOKED);
	assert_int_equal(status_of(&r, 5, 2), STATUS_REVOKED);
}

static void test_a_copy_is_its_own(void **state)
{
	const uint32_t far = 40000; /* not on the first page */
	AUTO_REPLICA struct replica r = small(), copy = { .seq = 0 };
	struct list *l;
	(void)state;
	memcpy(r.iss, "https://pat.example.org", 24);
	assert_int_equal(
		replica_add_list(&r, 7, LIST_AUTO_REFRESH, 65536, EXPIRES, &l),
		MM_OK);
	list_put_status(l, far, STATUS_REVOKED);
	list_put_last_use(l, far, 1790000000);
	assert_int_equal(replica_copy(&r, &copy), MM_OK);
	assert_string_equal(copy.iss, r.iss);
	assert_int_equal(copy.seq, r.seq);
	assert_int_equal(copy.list_count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct list *a = &r.lists[i], *b = &copy.lists[i];
		assert_int_equal(a->list, b->list);
		assert_int_equal(a->expires, b->expires);
		assert_memory_equal(a->status, b->status, a->size / 4);
		assert_int_equal(a->last_use == NULL, b->last_use == NULL);
	}
	assert_memory_equal(copy.lists[2].last_use, l->last_use, 4 * 65536);
	list_put_status(l, far, STATUS_VALID);
	list_put_last_use(l, far, 1790000001);
	assert_int_equal(status_of(&copy, 7, far), STATUS_REVOKED);
	assert_int_equal(copy.lists[2].last_use[far], 1790000000);
}

/* ---- keys ---- */

static struct event key_event(void)
{
	AUTO_JWK struct jwk *k = NULL;
	AUTO_BUF struct buf b = buf_new(JWK_TEXT_MAX);
	struct event e = { .type = EVENT_KEY_NEW };
	assert_int_equal(jwk_generate(JWK_EDDSA, &k), MM_OK);
	assert_int_equal(jwk_to_json(k, &b), MM_OK);
	assert_true(span_copy(e.jwk, sizeof e.jwk, done(&b)));
	memcpy(e.kid, jwk_kid(k), sizeof e.kid);
	return e;
}

static void test_keys(void **state)
{
	struct event e[3];
	AUTO_REPLICA struct replica r = small();
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		e[i] = key_event();
		assert_int_equal(apply(&r, e[i]), MM_OK);
	}
	assert_int_equal(apply(&r, e[1]), MM_OK); /* said twice */
	assert_int_equal(r.keys.count, 3);

	e[0].type = EVENT_KEY_RETIRED;
	e[2].type = EVENT_KEY_COMPROMISED;
	assert_int_equal(apply(&r, e[0]), MM_OK);
	assert_null(jwk_set_find(&r.keys, e[0].kid));
	assert_non_null(jwk_set_find(&r.keys, e[1].kid));
	assert_non_null(jwk_set_find(&r.keys, e[2].kid));
	assert_int_equal(apply(&r, e[2]), MM_OK);
	assert_int_equal(apply(&r, e[2]), MM_OK);
	assert_int_equal(r.keys.count, 1);
	assert_string_equal(jwk_kid(r.keys.key[0]), e[1].kid);
}

static void test_bad_keys(void **state)
{
	struct event e = key_event(), other = key_event();
	AUTO_REPLICA struct replica r = small();
	(void)state;
	memcpy(e.kid, other.kid, sizeof e.kid); /* not this key's */
	assert_int_equal(apply(&r, e), MM_ERR_MALFORMED);
	for (int i = 0; i < 64; i++)
		assert_int_equal(apply(&r, key_event()), MM_OK);
	uint64_t seq = r.seq;
	assert_int_equal(apply(&r, other), MM_ERR_TOO_LARGE);
	assert_true(r.seq == seq && r.keys.count == 64);
}

static void test_free_is_empty(void **state)
{
	struct replica r = small(), zero;
	(void)state;
	assert_int_equal(apply(&r, key_event()), MM_OK);
	replica_free(&r);
	memset(&zero, 0, sizeof zero);
	assert_memory_equal(&r, &zero, sizeof r);
	replica_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_new_list_is_zero),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_same_list_again),
		cmocka_unit_test(test_too_many_lists),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_list_comes_and_goes),
		cmocka_unit_test(test_a_copy_is_its_own),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_free_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
