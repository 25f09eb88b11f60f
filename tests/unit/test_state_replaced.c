/* test_state_replaced.c - a state replaced under its readers: they never see
 * anything torn or unmapped. */
#include "tests/unit/state_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "verifier/reader.h"

static void test_superseded(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer one, two;
	static struct reader r;
	mint_begin(&m);
	publish(&m, &one);
	memset(&r, 0, sizeof r);
	assert_ok(reader_open(&r, m.path, NULL));
	struct pin old = reader_pin(&r);
	m.r.seq = 8;
	publish(&m, &two);
	assert_true(state_superseded(old.map));

	struct pin new = reader_pin(&r);
	assert_int_equal(new.map->head->seq, 8);
	assert_int_equal(old.map->head->seq, 7); /* held, so still mapped */
	assert_ptr_equal(r.retired, old.map);
	reader_unpin(&old);
	reader_unpin(&new);
	new = reader_pin(&r); /* sweeps */
	assert_null(r.retired);
	reader_unpin(&new);

	/* marked, but no successor yet: go on with what is there */
	atomic_store(&two.head->superseded, 1);
	new = reader_pin(&r);
	assert_int_equal(new.map->head->seq, 8);
	reader_unpin(&new);
	usleep(2000); /* beyond the pause between two looks */
	assert_int_equal(unlink(m.path), 0);
	new = reader_pin(&r);
	assert_int_equal(new.map->head->seq, 8);
	reader_unpin(&new);
	reader_close(&r);
	state_writer_close(&one);
	state_writer_close(&two);
	mint_end(&m);
}

/* The same file, looked at again, stays as it is mapped. */
static void test_nothing_new(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	static struct reader r;
	mint_begin(&m);
	publish(&m, &w);
	memset(&r, 0, sizeof r);
	assert_ok(reader_open(&r, m.path, NULL));
	struct pin p = reader_pin(&r);
	const struct state_map *first = p.map;
	reader_look_again(&r, &p);
	assert_ptr_equal(p.map, first);
	reader_unpin(&p);
	reader_close(&r);
	state_writer_close(&w);
	mint_end(&m);
}

/* Others step in where a reader is between two steps. */
static struct between {
	struct reader r;
	struct mint m;
	struct state_writer w;
	bool replace, look;
	uint64_t seen;
} between;

/* A new state, found by somebody else: the old one is gone for good. */
static void replace_now(void)
{
	struct state_writer old = between.w;
	between.m.r.seq++;
	publish(&between.m, &between.w);
	state_writer_close(&old);
	struct pin p = reader_pin(&between.r);
	reader_unpin(&p);
	assert_null(between.r.retired);
}

struct epoch_slot *__real_epoch_enter_crowded(struct epoch *e, size_t own);
struct epoch_slot *__wrap_epoch_enter_crowded(struct epoch *e, size_t own);
struct epoch_slot *__wrap_epoch_enter_crowded(struct epoch *e, size_t own)
{
	bool replace = between.replace;
	between.replace = false;
	if (replace)
		replace_now();
	return __real_epoch_enter_crowded(e, own);
}

uint64_t __real_epoch_retire(struct epoch *e);
uint64_t __wrap_epoch_retire(struct epoch *e);
uint64_t __wrap_epoch_retire(struct epoch *e)
{
	uint64_t when = __real_epoch_retire(e);
	bool look = between.look;
	between.look = false;
	if (look) {
		/* nobody else is replacing it */
		assert_int_equal(pthread_mutex_trylock(&between.r.remapping),
				 EBUSY);
		struct pin p = reader_pin_current(&between.r);
		between.seen = p.map->head->seq;
		reader_unpin(&p);
	}
	return when;
}

static void between_begin(void)
{
	memset(&between, 0, sizeof between);
	mint_begin(&between.m);
	publish(&between.m, &between.w);
	assert_ok(reader_open(&between.r, between.m.path, NULL));
}

static void between_end(void)
{
	reader_close(&between.r);
	state_writer_close(&between.w);
	mint_end(&between.m);
}

/* The state is replaced just when a reader comes: it has found the new one,
 * or the old one is still there. */
static void test_replaced_on_entering(void **state)
{
	(void)state;
	between_begin();
	struct epoch_slot *own = &between.r.epoch.slot[epoch_own_slot()];
	atomic_store(&own->since, UINT64_MAX); /* taken, by nobody */
	between.replace = true;
	struct pin p = reader_pin_current(&between.r);
	assert_false(between.replace); /* or nothing was tested */
	assert_ptr_equal(p.map, atomic_load(&between.r.current));
	reader_unpin(&p);
	atomic_store(&own->since, 0);
	between_end();
}

/* Who enters when the old state is retired already finds the new one. */
static void test_entering_on_retirement(void **state)
{
	(void)state;
	between_begin();
	between.look = true;
	replace_now();
	assert_int_equal(between.seen, between.m.r.seq);
	between_end();
}

enum { READERS = 4, GENERATIONS = 150, UPDATES = 40 };

struct crowd {
	struct reader r;
	atomic_bool done;
	atomic_uint bad;
};

/* In one file all of the first four words say its generation, or later
 * values, each made of four equal bytes: anything else is torn. */
static bool looks_whole(const struct state_map *s, uint64_t *seen)
{
	const struct state_list *l = state_find(s->head, SLIDE);
	uint64_t seq = s->head->seq;
	bool good = l != NULL && seq >= *seen;
	for (uint32_t i = 0; good && i < 4; i++) {
		int64_t v = state_last_use(s->head, l, i);
		good = v % 0x01010101 == 0 && v >= 0x01010101;
	}
	*seen = seq;
	return good;
}

static void *read_on(void *arg)
{
	struct crowd *c = arg;
	uint64_t seen = 0;
	for (bool last = false; !last;) {
		last = atomic_load(&c->done); /* then look once more */
		AUTO_PIN struct pin p = reader_pin(&c->r);
		if (!looks_whole(p.map, &seen))
			atomic_fetch_add(&c->bad, 1);
	}
	return NULL;
}

static void write_generation(struct mint *m, struct state_writer *w, unsigned g)
{
	struct state_writer old = *w;
	struct list *l = replica_list(&m->r, SLIDE);
	m->r.seq = g;
	for (uint32_t i = 0; i < 4; i++)
		list_put_last_use(l, i, 0x01010101);
	publish(m, w);
	state_writer_close(&old);
	for (uint32_t n = 2; n < 2 + UPDATES; n++)
		assert_ok(state_raise_use(w, SLIDE, n % 4, 0x01010101u * n));
}

static void test_readers_under_a_writer(void **state)
{
	(void)state;
	static struct crowd c;
	struct mint m;
	struct state_writer w = STATE_WRITER_NONE;
	pthread_t t[READERS];
	mint_begin(&m);
	write_generation(&m, &w, 1);
	assert_ok(reader_open(&c.r, m.path, NULL));
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_on, &c), 0);
	for (unsigned g = 2; g <= GENERATIONS; g++)
		write_generation(&m, &w, g);
	atomic_store(&c.done, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(c.bad, 0);

	usleep(2000); /* beyond the pause between two looks */
	struct pin p = reader_pin(&c.r);
	assert_int_equal(p.map->head->seq, GENERATIONS);
	reader_unpin(&p);
	reader_close(&c.r);
	state_writer_close(&w);
	mint_end(&m);
}

/* The longest path that there can be, and one more. */
static void test_path_too_long(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	static struct reader r;
	struct why why = { .text = "" };
	char path[PATH_MAX + 1];
	mint_begin(&m);
	publish(&m, &w);
	memset(path, '/', sizeof path);
	memcpy(path, m.folder, strlen(m.folder));
	memcpy(path + PATH_MAX - 1 - strlen("state"), "state", 6);
	assert_ok(reader_open(&r, path, &why));
	reader_close(&r);
	memcpy(path + PATH_MAX - 1, "s", 2);
	assert_err(reader_open(&r, path, &why), MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "too long"));
	state_writer_close(&w);
	mint_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_superseded),
		cmocka_unit_test(test_nothing_new),
		cmocka_unit_test(test_replaced_on_entering),
		cmocka_unit_test(test_entering_on_retirement),
		cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_readers_under_a_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
