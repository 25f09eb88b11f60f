/* The state file: what is written is read, whatever is damaged is refused,
 * and readers never see anything torn or unmapped. */
#include "tests/unit/verifier_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "verifier/reader.h"
#include "verifier/state.h"

static void publish(const struct mint *m, struct state_writer *w)
{
	struct why why = { .text = "" };
	assert_ok(state_create(w, m->path, &m->r, DAY, &why));
	state_put_head(w, m->r.seq, T0);
	assert_ok(state_install(w, &why));
}

static struct state_map *map(const char *path)
{
	struct state_map *s = NULL;
	struct why why = { .text = "" };
	if (state_map_open(path, &s, &why) != MM_OK)
		fail_msg("%s", why.text);
	return s;
}

/* ---- what is written is read ---- */

static void test_round_trip(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	AUTO_JWK struct jwk *rsa = NULL;
	mint_begin(&m);
	assert_ok(jwk_generate(JWK_RS256, &rsa));
	assert_ok(jwk_set_add(&m.r.keys, rsa));
	status_set(replica_list(&m.r, FIXED)->status, 5, STATUS_REVOKED);
	status_set(replica_list(&m.r, SLIDE)->status, 1023, STATUS_SUSPENDED);
	replica_list(&m.r, SLIDE)->last_use[1023] = T0 + 9;
	publish(&m, &w);

	AUTO_MAP struct state_map *s = map(m.path);
	assert_string_equal(s->head->iss, ISS);
	assert_string_equal(s->head->epoch, EPOCH);
	assert_int_equal(s->head->max_staleness, DAY);
	assert_int_equal(s->head->seq, 7);
	assert_int_equal(state_fresh_at(s), T0);
	assert_false(state_superseded(s));
	assert_int_equal(s->keys.count, 2);
	assert_non_null(jwk_set_find(&s->keys, jwk_kid(m.key)));
	assert_non_null(jwk_set_find(&s->keys, jwk_kid(rsa)));

	const struct state_list *fixed = state_find(s->head, FIXED);
	const struct state_list *slide = state_find(s->head, SLIDE);
	assert_int_equal(fixed->kind, LIST_FIXED);
	assert_int_equal(slide->size, SIZE);
	assert_int_equal(slide->expires, T0 + 400 * DAY);
	assert_null(state_find(s->head, 0));
	assert_null(state_find(s->head, 3));
	for (uint32_t i = 0; i < SIZE; i++) {
		assert_int_equal(state_status(s->head, fixed, i),
				 i == 5 ? STATUS_REVOKED : STATUS_VALID);
		assert_int_equal(state_status(s->head, slide, i),
				 i == 1023 ? STATUS_SUSPENDED : STATUS_VALID);
		assert_int_equal(state_last_use(s->head, slide, i),
				 i == 1023 ? T0 + 9 : 0);
		assert_int_equal(state_last_use(s->head, fixed, i), 0);
	}
	state_writer_close(&w);
	mint_end(&m);
}

static void test_nothing_in_it(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	replica_free(&m.r);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	assert_null(state_find(s->head, 0));
	state_writer_close(&w);
	mint_end(&m);
}

static void test_in_place(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	const struct state_list *l = state_find(s->head, SLIDE);

	assert_ok(state_put_status(&w, SLIDE, 6, STATUS_SUSPENDED));
	assert_ok(state_put_status(&w, SLIDE, 7, STATUS_REVOKED));
	assert_ok(state_put_status(&w, SLIDE, 6, STATUS_VALID));
	assert_int_equal(state_status(s->head, l, 6), STATUS_VALID);
	assert_int_equal(state_status(s->head, l, 7), STATUS_REVOKED);

	assert_ok(state_raise_use(&w, SLIDE, 9, T0 + 50));
	assert_ok(state_raise_use(&w, SLIDE, 9, T0 + 40)); /* not back */
	assert_int_equal(state_last_use(s->head, l, 9), T0 + 50);

	state_put_head(&w, 99, T0 + 3);
	assert_int_equal(s->head->seq, 99);
	assert_int_equal(state_fresh_at(s), T0 + 3);

	assert_err(state_put_status(&w, 3, 0, 1), MM_ERR_NOT_FOUND);
	assert_err(state_put_status(&w, SLIDE, SIZE, 1), MM_ERR_NOT_FOUND);
	assert_err(state_raise_use(&w, FIXED, 0, T0), MM_ERR_NOT_FOUND);
	assert_err(state_raise_use(&w, SLIDE, SIZE, T0), MM_ERR_NOT_FOUND);
	assert_err(state_raise_use(&w, SLIDE, 0, INT64_C(1) << 33),
		   MM_ERR_NOT_FOUND);
	state_writer_close(&w);
	mint_end(&m);
}

/* A list of a million tokens takes next to nothing until it is used. */
static void test_sparse(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *l;
	struct stat st;
	mint_begin(&m);
	assert_ok(replica_add_list(&m.r, 9, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
				   T0 + DAY, &l));
	status_set(l->status, LIST_SIZE_MAX - 1, STATUS_REVOKED);
	publish(&m, &w);
	assert_int_equal(stat(m.path, &st), 0);
	assert_true(st.st_size > (4 << 20) + (256 << 10));
	assert_true(st.st_blocks * 512 < 128 << 10);

	AUTO_MAP struct state_map *s = map(m.path);
	const struct state_list *row = state_find(s->head, 9);
	assert_int_equal(state_status(s->head, row, LIST_SIZE_MAX - 1),
			 STATUS_REVOKED);
	assert_ok(state_raise_use(&w, 9, LIST_SIZE_MAX - 1, T0));
	assert_int_equal(state_last_use(s->head, row, LIST_SIZE_MAX - 1), T0);
	state_writer_close(&w);
	mint_end(&m);
}

/* ---- what is damaged is refused ---- */

/* Everything a reader may do with a file that it took. */
static void use_all(const struct state_map *s)
{
	const struct state_list *l =
		(const void *)((const uint8_t *)s->head + s->head->lists_at);
	for (uint32_t i = 0; i < s->head->list_count; i++)
		for (uint32_t idx = 0; idx < l[i].size; idx += 7) {
			(void)!state_status(s->head, &l[i], idx);
			(void)!state_last_use(s->head, &l[i], idx);
		}
}

static bool opens(const char *path)
{
	AUTO_MAP struct state_map *s = NULL;
	if (state_map_open(path, &s, NULL) != MM_OK)
		return false;
	use_all(s);
	return true;
}

static void put(const char *path, struct span bytes)
{
	struct why why;
	assert_ok(file_replace(path, bytes, 0600, &why));
}

static void get(const char *path, struct buf *b, struct span *bytes)
{
	assert_ok(buf_read_file(b, path, NULL));
	assert_ok(buf_done(b, bytes));
}

/* In a file of its own, not synced: thousands of them. */
static void poke(int fd, size_t at, uint8_t byte)
{
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
}

static void test_every_byte(void **state)
{
	(void)state;
	static const uint8_t flips[] = { 0x01, 0x80, 0xFF };
	struct mint m;
	struct state_writer w;
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span whole;
	mint_begin(&m);
	publish(&m, &w);
	get(m.path, &b, &whole);
	int fd = open(m.path, O_RDWR);
	for (size_t at = 0; at < w.head->head_size; at++)
		for (size_t f = 0; f < sizeof flips; f++) {
			poke(fd, at, whole.at[at] ^ flips[f]);
			/* unused bytes, and what changes in place anyway */
			bool harmless = at >= 56 && at < STATE_SUM_TO;
			if (opens(m.path) != harmless)
				fail_msg("byte %zu ^ %02x", at, flips[f]);
			poke(fd, at, whole.at[at]);
		}
	assert_true(opens(m.path));
	close(fd);
	state_writer_close(&w);
	mint_end(&m);
}

/* The same by somebody who can compute the checksum: refused or harmless. */
static void test_every_byte_with_checksum(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span whole;
	uint8_t sum[32];
	size_t refused = 0;
	mint_begin(&m);
	publish(&m, &w);
	get(m.path, &b, &whole);
	int fd = open(m.path, O_RDWR);
	size_t n = w.head->head_size;
	for (size_t at = 0; at < n; at++) {
		if (at >= STATE_SUM_FROM && at < STATE_SUM_TO)
			continue;
		for (unsigned bit = 0; bit < 8; bit += 7) {
			b.at[at] ^= (uint8_t)(1u << bit);
			assert_ok(state_checksum(b.at, n, sum));
			assert_int_equal(pwrite(fd, sum, 32, 24), 32);
			poke(fd, at, b.at[at]);
			refused += !opens(m.path);
			b.at[at] ^= (uint8_t)(1u << bit);
			poke(fd, at, b.at[at]);
		}
	}
	assert_true(refused > 300); /* the header and the rows, mostly */
	close(fd);
	state_writer_close(&w);
	mint_end(&m);
}

/* The same, field by field, where something is wrong in one way only. */
enum part { HEAD, KEY, FIRST, SECOND };
#define IN_HEAD(field, value)                                                  \
	HEAD, offsetof(struct state_header, field),                            \
		sizeof(((struct state_header *)0)->field), (value)
#define IN_KEY(field, value)                                                   \
	KEY, offsetof(struct state_key, field),                                \
		sizeof(((struct state_key *)0)->field), (value)
#define IN_LIST(which, field, value)                                           \
	which, offsetof(struct state_list, field),                             \
		sizeof(((struct state_list *)0)->field), (value)
#define FROM_END UINT64_C(0x8000000000000000) /* of the file, so many bytes */

/* clang-format off */
static const struct wrong_field {
	const char *what;
	enum part part;
	size_t at, size; /* more than 8 bytes are all set to the value */
	uint64_t value;
} wrong_fields[] = {
	{ "magic", IN_HEAD(magic, 'x') },
	{ "version", IN_HEAD(version, STATE_VERSION + 1) },
	{ "file_size", IN_HEAD(file_size, 1 << 20) },
	{ "head_size: no whole pages", IN_HEAD(head_size, STATE_PAGE - 8) },
	{ "head_size: none", IN_HEAD(head_size, 0) },
	{ "head_size: more than the file", IN_HEAD(head_size, 1 << 30) },
	{ "iss: no end", IN_HEAD(iss, 'x') },
	{ "epoch: no end", IN_HEAD(epoch, 'x') },
	{ "max_staleness: none", IN_HEAD(max_staleness, 0) },
	{ "max_staleness: negative", IN_HEAD(max_staleness, UINT64_MAX) },
	{ "keys_at: outside", IN_HEAD(keys_at, 0xFFFFFFF8) },
	{ "lists_at: outside", IN_HEAD(lists_at, 0xFFFFFFF8) },
	{ "kid: another key's", IN_KEY(kid, 'x') },
	{ "jwk: no key", IN_KEY(jwk, 'x') },
	{ "kind: none", IN_LIST(FIRST, kind, 7) },
	{ "size: none", IN_LIST(FIRST, size, 0) },
	{ "size: no multiple of 4", IN_LIST(FIRST, size, SIZE - 2) },
	{ "size: too many", IN_LIST(FIRST, size, LIST_SIZE_MAX + 4) },
	{ "status_at: in the header", IN_LIST(FIRST, status_at, 128) },
	{ "status_at: not aligned", IN_LIST(FIRST, status_at, FROM_END | 4092) },
	{ "status_at: over the end", IN_LIST(FIRST, status_at, FROM_END | 8) },
	{ "status_at: behind the end", IN_LIST(FIRST, status_at, 1 << 30) },
	{ "renewals_at: of a fixed list", IN_LIST(FIRST, renewals_at, FROM_END | 8192) },
	{ "renewals_at: none", IN_LIST(SECOND, renewals_at, 0) },
	{ "renewals_at: over the end", IN_LIST(SECOND, renewals_at, FROM_END | 8) },
	{ "list: the same again", IN_LIST(SECOND, list, FIXED) },
};
/* clang-format on */

/* Set it in a copy of the head, and make the checksum right. */
static void set_field(uint8_t *head, const struct wrong_field *f, uint64_t end)
{
	const struct state_header *h = (const void *)head;
	const size_t from[] = { [HEAD] = 0,
				[KEY] = h->keys_at,
				[FIRST] = h->lists_at,
				[SECOND] = h->lists_at +
					   sizeof(struct state_list) };
	bool back = f->value != UINT64_MAX && (f->value & FROM_END) != 0;
	uint64_t v = back ? end - (f->value & ~FROM_END) : f->value;
	size_t n = h->head_size;
	uint8_t sum[32];
	if (f->size <= sizeof v &&
	    f->at != offsetof(struct state_header, magic))
		memcpy(head + from[f->part] + f->at, &v, f->size);
	else
		memset(head + from[f->part] + f->at, (int)v, f->size);
	if (h->head_size >= STATE_SUM_TO && h->head_size < n)
		n = h->head_size;
	assert_ok(state_checksum(head, n, sum));
	memcpy(head + STATE_SUM_FROM, sum, sizeof sum);
}

static void test_wrong_fields(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *l;
	uint8_t good[2 * STATE_PAGE], head[2 * STATE_PAGE];
	mint_begin(&m);
	/* room for whatever a field may say */
	assert_ok(replica_add_list(&m.r, 9, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
				   T0 + DAY, &l));
	publish(&m, &w);
	size_t n = w.head->head_size;
	assert_in_range(n, 0, sizeof good);
	memcpy(good, w.head, n);
	int fd = open(m.path, O_RDWR);
	for (size_t i = 0; i < sizeof wrong_fields / sizeof *wrong_fields;
	     i++) {
		memcpy(head, good, n);
		set_field(head, &wrong_fields[i], w.size);
		assert_int_equal(pwrite(fd, head, n, 0), n);
		if (opens(m.path))
			fail_msg("opens with %s", wrong_fields[i].what);
	}
	assert_int_equal(pwrite(fd, good, n, 0), n);
	assert_true(opens(m.path));
	close(fd);
	state_writer_close(&w);
	mint_end(&m);
}

static void test_truncated(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	char cut[128];
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span whole;
	mint_begin(&m);
	publish(&m, &w);
	get(m.path, &b, &whole);
	snprintf(cut, sizeof cut, "%s/cut", m.folder);
	put(cut, whole);
	assert_true(opens(cut));
	for (size_t n = whole.len; n-- > 0;) {
		if (n > 600 && n % 512 != 1 && n % 4096 > 1)
			continue;
		assert_int_equal(truncate(cut, (off_t)n), 0);
		if (opens(cut))
			fail_msg("opens with %zu of %zu bytes", n, whole.len);
	}
	put(cut, whole);
	assert_int_equal(truncate(cut, (off_t)whole.len + 1), 0);
	assert_false(opens(cut)); /* longer is as wrong */
	state_writer_close(&w);
	mint_end(&m);
}

static void test_no_file(void **state)
{
	(void)state;
	struct mint m;
	struct why why;
	struct state_map *s;
	mint_begin(&m);
	assert_err(state_map_open(m.path, &s, &why), MM_ERR_NOT_FOUND);
	assert_err(state_map_open(m.folder, &s, &why), MM_ERR_UNAVAILABLE);
	assert_int_equal(mkfifo(m.path, 0600), 0);
	assert_err(state_map_open(m.path, &s, &why), MM_ERR_UNAVAILABLE);
	assert_int_equal(unlink(m.path), 0);
	put(m.path, span_of(m.r.iss, sizeof m.r.iss));
	assert_err(state_map_open(m.path, &s, &why), MM_ERR_UNAVAILABLE);
	mint_end(&m);
}

static void test_cannot_write(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct why why = { .text = "" };
	mint_begin(&m);
	assert_err(state_create(&w, "/nonexistent/state", &m.r, DAY, &why),
		   MM_ERR_IO);
	assert_non_null(strstr(why.text, "/nonexistent/state"));
	assert_ok(state_create(&w, m.path, &m.r, DAY, &why));
	state_writer_close(&w); /* never installed: leaves nothing behind */
	assert_int_equal(rmdir(m.folder), 0);
	mint_end(&m);
}

/* ---- replaced under its readers ---- */

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
		l->last_use[i] = 0x01010101;
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

static void test_disowned(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	state_disown(m.path, ISS); /* nothing there */
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	state_disown(m.path, ISS);
	assert_int_equal(state_fresh_at(s), T0);
	state_disown(m.path, ISS "/other");
	assert_int_equal(state_fresh_at(s), 0);
	assert_false(state_superseded(s));
	state_writer_supersede(&w);
	assert_true(state_superseded(s));
	state_writer_close(&w);
	mint_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_cannot_write),
		cmocka_unit_test(test_superseded),
		cmocka_unit_test(test_nothing_new),
		cmocka_unit_test(test_replaced_on_entering),
		cmocka_unit_test(test_entering_on_retirement),
		cmocka_unit_test(test_readers_under_a_writer),
		cmocka_unit_test(test_round_trip), /* these take longest */
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_byte_with_checksum),
		cmocka_unit_test(test_disowned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
