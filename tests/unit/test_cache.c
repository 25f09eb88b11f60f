/* The tokens seen before: what was put is found whole or not at all, the
 * oldest make room, and nobody reads what is being written. */
#include "verifier/cache.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/jws.h"
#include "tests/unit/unit.h"

#define SMALL	  (128u << 10)
#define TOKEN_LEN 480u

struct shelf {
	struct epoch epoch;
	struct cache *cache;
};

static void shelf_open(struct shelf *s, size_t size)
{
	epoch_init(&s->epoch);
	expect("open", cache_open(size, &s->epoch, &s->cache), MM_OK);
}

/* Token n: its number at both ends, and something that looks random where
 * its signature is. */
static struct span token_of(uint64_t n, char out[static TOKEN_LEN + 1])
{
	uint64_t mixed = (n + 1) * UINT64_C(0xD1342543DE82EF95);
	memset(out, 'x', TOKEN_LEN);
	snprintf(out, 24, "%020llu", (unsigned long long)n);
	snprintf(out + TOKEN_LEN - 24, 25, "%08llx%016llx",
		 (unsigned long long)(mixed >> 32),
		 (unsigned long long)mixed * 31);
	return span_of(out, TOKEN_LEN);
}

/* Claims whose numbers and text all say n. */
static void claims_of(uint64_t n, struct claims *c)
{
	memset(c, 0, offsetof(struct claims, texts.text));
	c->iat = c->exp = (int64_t)n;
	c->list = c->idx = (uint32_t)n;
	for (size_t i = 0; i < 20; i++)
		c->texts.text[i] = (char)('a' + (n + i) % 26);
	c->texts.text[20] = '\0';
	c->sub = (struct json_text){ 0, 20 };
	c->texts.used = 21;
}

static bool says(const struct cached *k, uint64_t n)
{
	struct claims want;
	claims_of(n, &want);
	return k->key == n % 3 + 1 &&
	       claims_size(k->claims) == claims_size(&want) &&
	       memcmp(k->claims, &want, claims_size(&want)) == 0;
}

static void put(struct shelf *s, uint64_t n)
{
	char text[TOKEN_LEN + 1];
	struct claims c;
	claims_of(n, &c);
	cache_put(s->cache, token_of(n, text),
		  &(struct cached){ .key = n % 3 + 1, .claims = &c });
}

/* As mm_verify() asks: 1 found, 0 not found, -1 found and wrong. */
static int ask(struct shelf *s, uint64_t n)
{
	char text[TOKEN_LEN + 1];
	struct cached k;
	struct cache_query q = cache_look(s->cache, token_of(n, text));
	struct epoch_slot *slot = epoch_enter(&s->epoch);
	int answer = !cache_find(s->cache, &q, &k) ? 0 : says(&k, n) ? 1 : -1;
	epoch_leave(slot);
	return answer;
}

/* ---- one after the other ---- */

static void test_found(void **state)
{
	(void)state;
	static struct shelf s;
	shelf_open(&s, SMALL);
	assert_int_equal(ask(&s, 7), 0);
	for (uint64_t n = 0; n < 50; n++)
		put(&s, n);
	for (uint64_t n = 0; n < 50; n++)
		assert_int_equal(ask(&s, n), 1);
	assert_int_equal(ask(&s, 50), 0);
	cache_close(s.cache);
}

/* Every character counts, and the length. */
static void test_whole_tokens(void **state)
{
	(void)state;
	static struct shelf s;
	char text[TOKEN_LEN + 1];
	struct cached k;
	shelf_open(&s, SMALL);
	put(&s, 1);
	struct span t = token_of(1, text);
	for (size_t i = 0; i < TOKEN_LEN; i++) {
		text[i] ^= 1;
		struct cache_query q = cache_look(s.cache, t);
		assert_false(cache_find(s.cache, &q, &k));
		text[i] ^= 1;
	}
	for (size_t n = 0; n < TOKEN_LEN; n++) {
		/* also with the signature at its end where it is looked for */
		struct span tails[] = { span_of(text, n),
					span_of(text + TOKEN_LEN - n, n) };
		for (size_t i = 0; i < ROWS(tails); i++) {
			struct cache_query q = cache_look(s.cache, tails[i]);
			assert_false(cache_find(s.cache, &q, &k));
		}
	}
	assert_int_equal(ask(&s, 1), 1);
	cache_close(s.cache);
}

/* The beginning of a longer token is another token, also when the characters
 * for the index are the same. */
static void test_beginning(void **state)
{
	(void)state;
	static struct shelf s;
	char text[TOKEN_LEN];
	struct claims c;
	struct cached k;
	shelf_open(&s, SMALL);
	claims_of(1, &c);
	memset(text, 'x', sizeof text);
	cache_put(s.cache, span_of(text, TOKEN_LEN),
		  &(struct cached){ .key = 1, .claims = &c });
	for (size_t n = 100; n <= TOKEN_LEN; n++) {
		struct cache_query q = cache_look(s.cache, span_of(text, n));
		assert_non_null(q.place); /* or nothing is tested */
		assert_int_equal(cache_find(s.cache, &q, &k), n == TOKEN_LEN);
	}
	cache_close(s.cache);
}

/* Nobody reads before a token that is too short to have a signature. */
static void test_too_short(void **state)
{
	(void)state;
	static struct shelf s;
	struct claims c;
	struct cached k;
	shelf_open(&s, SMALL);
	claims_of(1, &c);
	for (size_t n = 0; n < 24; n++) {
		uint8_t *text = calloc(n + 1, 1);
		struct span t = span_of(text, n);
		cache_put(s.cache, t,
			  &(struct cached){ .key = 1, .claims = &c });
		struct cache_query q = cache_look(s.cache, t);
		assert_false(cache_find(s.cache, &q, &k));
		free(text);
	}
	cache_close(s.cache);
}

/* A stranger's characters may look like an empty place. */
static void test_zeros(void **state)
{
	(void)state;
	static struct shelf s;
	static const char text[TOKEN_LEN];
	shelf_open(&s, SMALL);
	assert_null(cache_look(s.cache, span_of(text, TOKEN_LEN)).place);
	cache_close(s.cache);
}

/* Two tokens whose characters for the index are the same: whichever is
 * found is the right one, and the later one is. */
static void test_same_hash(void **state)
{
	(void)state;
	static struct shelf s;
	char one[TOKEN_LEN + 1], two[TOKEN_LEN + 1];
	struct claims c;
	struct cached k;
	shelf_open(&s, SMALL);
	put(&s, 1);
	struct span a = token_of(1, one), b = token_of(1, two);
	two[0] = 'y';
	struct cache_query q = cache_look(s.cache, b);
	assert_non_null(q.place); /* or nothing is tested */
	assert_false(cache_find(s.cache, &q, &k));
	claims_of(2, &c);
	cache_put(s.cache, b, &(struct cached){ .key = 3, .claims = &c });
	q = cache_look(s.cache, b);
	assert_true(cache_find(s.cache, &q, &k) && says(&k, 2));
	q = cache_look(s.cache, a);
	assert_false(cache_find(s.cache, &q, &k));
	cache_close(s.cache);
}

/* A token signed anew by another key, that is: the newer word counts. */
static void test_put_again(void **state)
{
	(void)state;
	static struct shelf s;
	char text[TOKEN_LEN + 1];
	struct claims c;
	struct cached k;
	shelf_open(&s, SMALL);
	put(&s, 1);
	claims_of(1, &c);
	cache_put(s.cache, token_of(1, text),
		  &(struct cached){ .key = 99, .claims = &c });
	struct cache_query q = cache_look(s.cache, token_of(1, text));
	assert_true(cache_find(s.cache, &q, &k));
	assert_int_equal(k.key, 99);
	cache_close(s.cache);
}

/* ---- full ---- */

/* Ten times what there is room for: the newest are there, the oldest gone,
 * and what is found is right. */
static void test_oldest_make_room(void **state)
{
	(void)state;
	static struct shelf s;
	const uint64_t all = 10 * SMALL / TOKEN_LEN;
	uint64_t found = 0, recent = 0;
	shelf_open(&s, SMALL);
	for (uint64_t n = 0; n < all; n++) {
		put(&s, n);
		assert_int_equal(ask(&s, n), 1);
	}
	for (uint64_t n = 0; n < all; n++) {
		int answer = ask(&s, n);
		assert_int_not_equal(answer, -1);
		found += answer == 1;
		recent += answer == 1 && n >= all - 100;
	}
	assert_int_equal(recent, 100);
	assert_in_range(found, 100, SMALL / TOKEN_LEN);
	assert_int_equal(ask(&s, 0), 0);
	cache_close(s.cache);
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		int found;
	} rows[] = {
		{ 1, 0 },	  { 64, 0 },
		{ 4096, 0 },	  { 20 << 10, 0 },
		{ 48 << 10, 1 },  { SMALL, 1 },
		{ SMALL + 1, 1 }, { (7 << 20) + 9, 1 },
		{ 40 << 20, 1 },  { SIZE_MAX, 1 },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		static struct shelf s;
		shelf_open(&s, rows[i].size);
		put(&s, 5);
		assert_int_equal(ask(&s, 5), rows[i].found);
		cache_close(s.cache);
	}
}

/* A stranger's endless string that ends as a token does is not looked at. */
static void test_longer_than_tokens(void **state)
{
	(void)state;
	static struct shelf s;
	static char text[TOKEN_MAX + 1];
	char token[TOKEN_LEN + 1];
	shelf_open(&s, SMALL);
	put(&s, 1);
	struct span t = token_of(1, token), at_most;
	memset(text, 'x', sizeof text);
	memcpy(text + sizeof text - t.len, t.at, t.len);
	at_most = span_of(text + 1, TOKEN_MAX);
	assert_non_null(cache_look(s.cache, at_most).place);
	assert_null(cache_look(s.cache, span_of(text, sizeof text)).place);
	cache_close(s.cache);
}

/* One that fits into no segment is left out. */
static void test_too_large(void **state)
{
	(void)state;
	static struct shelf s;
	static char text[TOKEN_MAX];
	struct claims c;
	struct cached k;
	shelf_open(&s, 40 << 10);
	memset(text, 'x', sizeof text);
	claims_of(1, &c);
	struct span t = span_of(text, sizeof text);
	cache_put(s.cache, t, &(struct cached){ .key = 1, .claims = &c });
	struct cache_query q = cache_look(s.cache, t);
	assert_false(cache_find(s.cache, &q, &k));
	put(&s, 1);
	assert_int_equal(ask(&s, 1), 1);
	cache_close(s.cache);
}

/* ---- somebody is still reading ---- */

/* More than there is room for, so that each segment is used twice. */
#define MANY (2 * SMALL / TOKEN_LEN)

/* A look from outside counts only as long as it says what one from inside
 * would: the entry may be anybody's since. */
static void test_look_is_old(void **state)
{
	(void)state;
	static struct shelf s;
	char text[TOKEN_LEN + 1];
	struct cached k;
	shelf_open(&s, SMALL);
	put(&s, 1);
	struct cache_query q = cache_look(s.cache, token_of(1, text));
	for (uint64_t n = 2; n < MANY; n++) {
		put(&s, n);
		assert_int_equal(cache_find(s.cache, &q, &k), ask(&s, 1));
	}
	assert_int_equal(ask(&s, 1), 0); /* or nothing was tested */
	cache_close(s.cache);
}

/* Whenever a token is found, what is found stays until the reader leaves. */
static void test_found_stays(void **state)
{
	(void)state;
	static struct shelf s;
	bool found = true;
	for (uint64_t before = 2; found; before++) {
		char text[TOKEN_LEN + 1];
		struct cached k;
		shelf_open(&s, SMALL);
		for (uint64_t n = 1; n < before; n++)
			put(&s, n);
		struct epoch_slot *slot = epoch_enter(&s.epoch);
		struct cache_query q = cache_look(s.cache, token_of(1, text));
		found = cache_find(s.cache, &q, &k);
		for (uint64_t n = before; n < before + MANY; n++)
			put(&s, n);
		assert_true(!found || says(&k, 1));
		epoch_leave(slot);
		cache_close(s.cache);
		assert_true(before < MANY);
	}
}

/* A reader that comes at the very moment when a segment is retired. */
static struct late_reader {
	struct shelf *shelf; /* NULL: not now */
	struct epoch_slot *slot;
	struct cached found;
	uint64_t n;
} late;

static void come_late(void)
{
	struct shelf *s = late.shelf;
	late.shelf = NULL;
	late.slot = epoch_enter(&s->epoch);
	for (late.n = 0; late.n < MANY; late.n++) {
		char text[TOKEN_LEN + 1];
		struct cache_query q =
			cache_look(s->cache, token_of(late.n, text));
		if (cache_find(s->cache, &q, &late.found))
			return;
	}
	fail_msg("there is nothing to be found");
}

uint64_t __real_epoch_retire(struct epoch *e);
uint64_t __wrap_epoch_retire(struct epoch *e);
uint64_t __wrap_epoch_retire(struct epoch *e)
{
	uint64_t when = __real_epoch_retire(e);
	if (late.shelf != NULL)
		come_late();
	return when;
}

/* What the late reader finds, of all the oldest, stays until it leaves. */
static void test_late_reader(void **state)
{
	(void)state;
	static struct shelf s;
	shelf_open(&s, SMALL);
	uint64_t n = 0;
	while (ask(&s, 0) == (n > 0)) /* until the first is gone */
		put(&s, n++);
	late = (struct late_reader){ .shelf = &s };
	for (uint64_t end = n + MANY; n < end; n++)
		put(&s, n);
	assert_null(late.shelf);
	assert_true(says(&late.found, late.n));
	epoch_leave(late.slot);
	cache_close(s.cache);
}

static void test_what_is_read_stays(void **state)
{
	(void)state;
	static struct shelf s;
	char text[TOKEN_LEN + 1];
	struct cached k;
	shelf_open(&s, SMALL);
	put(&s, 1);
	struct epoch_slot *slot = epoch_enter(&s.epoch);
	struct cache_query q = cache_look(s.cache, token_of(1, text));
	assert_true(cache_find(s.cache, &q, &k));
	for (uint64_t n = 2; n < 10 * SMALL / TOKEN_LEN; n++)
		put(&s, n);
	assert_true(says(&k, 1));
	assert_int_equal(ask(&s, 10 * SMALL / TOKEN_LEN - 1), 0);

	epoch_leave(slot); /* and on it goes */
	put(&s, 1000000);
	assert_int_equal(ask(&s, 1000000), 1);
	cache_close(s.cache);
}

static void test_epoch(void **state)
{
	(void)state;
	static struct epoch e;
	epoch_init(&e);
	assert_true(epoch_over(&e, 0));
	struct epoch_slot *one = epoch_enter(&e);
	uint64_t gone = epoch_retire(&e);
	struct epoch_slot *two = epoch_enter(&e);
	assert_ptr_not_equal(one, two);
	assert_false(epoch_over(&e, gone)); /* one may be looking at it */
	epoch_leave(one);
	assert_true(epoch_over(&e, gone)); /* two came later */
	gone = epoch_retire(&e);
	assert_false(epoch_over(&e, gone));
	epoch_leave(two);
	assert_true(epoch_over(&e, gone));
}

/* Whichever place a reader has. */
static void test_every_slot(void **state)
{
	(void)state;
	static struct epoch e;
	epoch_init(&e);
	for (size_t i = 0; i < EPOCH_SLOTS; i++) {
		assert_true(epoch_try(&e, i));
		uint64_t gone = epoch_retire(&e);
		assert_false(epoch_over(&e, gone));
		epoch_leave(&e.slot[i]);
		assert_true(epoch_over(&e, gone));
	}
}

/* ---- all at once ---- */

/* One reader and one writer, who say nothing to each other but by the cache
 * itself: for ThreadSanitizer. */
struct pair {
	struct shelf s;
	atomic_int step;
	int answer;
};

static void at_step(struct pair *p, int step)
{
	while (atomic_load_explicit(&p->step, memory_order_relaxed) != step)
		sched_yield();
}

static void *read_one(void *arg)
{
	struct pair *p = arg;
	while ((p->answer = ask(&p->s, 1)) == 0)
		sched_yield();
	atomic_store_explicit(&p->step, 1, memory_order_relaxed);
	at_step(p, 2);
	return NULL;
}

static void test_reader_and_writer(void **state)
{
	(void)state;
	static struct pair p;
	pthread_t t;
	shelf_open(&p.s, SMALL);
	assert_int_equal(pthread_create(&t, NULL, read_one, &p), 0);
	put(&p.s, 1);
	at_step(&p, 1); /* it has found it, and left */
	for (uint64_t n = 2; n < MANY; n++)
		put(&p.s, n);
	atomic_store_explicit(&p.step, 2, memory_order_relaxed);
	pthread_join(t, NULL);
	assert_int_equal(p.answer, 1);
	cache_close(p.s.cache);
}

enum { READERS = 3, WRITERS = 2, ROUNDS_EACH = 60000, TOKENS = 700 };

struct crowd {
	struct shelf s;
	atomic_uint wrong, found;
	atomic_uint next; /* a number for each thread */
};

static void *read_on(void *arg)
{
	struct crowd *c = arg;
	uint64_t n = atomic_fetch_add(&c->next, 1);
	for (int i = 0; i < ROUNDS_EACH; i++) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		int answer = ask(&c->s, (n >> 33) % TOKENS);
		if (answer < 0)
			atomic_fetch_add(&c->wrong, 1);
		if (answer > 0)
			atomic_fetch_add(&c->found, 1);
	}
	return NULL;
}

static void *write_on(void *arg)
{
	struct crowd *c = arg;
	uint64_t n = atomic_fetch_add(&c->next, 1);
	for (int i = 0; i < ROUNDS_EACH; i++) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		put(&c->s, (n >> 33) % TOKENS);
	}
	return NULL;
}

/* Several times more tokens than there is room for. */
static void test_readers_and_writers(void **state)
{
	(void)state;
	static struct crowd c;
	pthread_t t[READERS + WRITERS];
	shelf_open(&c.s, SMALL);
	for (int i = 0; i < READERS + WRITERS; i++)
		assert_int_equal(
			pthread_create(&t[i], NULL,
				       i < READERS ? read_on : write_on, &c),
			0);
	for (int i = 0; i < READERS + WRITERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(c.wrong, 0);
	assert_in_range(c.found, 1000, READERS * ROUNDS_EACH);
	cache_close(c.s.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_whole_tokens),
		cmocka_unit_test(test_beginning),
		cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_same_hash),
		cmocka_unit_test(test_put_again),
		cmocka_unit_test(test_oldest_make_room),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_longer_than_tokens),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_what_is_read_stays),
		cmocka_unit_test(test_look_is_old),
		cmocka_unit_test(test_found_stays),
		cmocka_unit_test(test_late_reader),
		cmocka_unit_test(test_epoch),
		cmocka_unit_test(test_every_slot),
		cmocka_unit_test(test_reader_and_writer),
		cmocka_unit_test(test_readers_and_writers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
