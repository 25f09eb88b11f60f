/* test_state_wrong.c - every way in which a state file can be damaged: it is
 * refused, or harmless. */
#include "tests/unit/state_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

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

static void test_F2_every_byte(void **state)
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
/* So that it is not what is held that is wrong. */
#define IN_LIST_BOTH(which, all, of_these)                                     \
	which, offsetof(struct state_list, size), 8,                           \
		((all) | (uint64_t)(of_these) << 32)
#define FROM_END UINT64_C(0x8000000000000000) /* of the file, so many bytes */

/* clang-format off */
static const struct wrong_field {
	const char *what;
	enum part part;
	size_t at, size; /* more than 8 bytes are all set to the value */
	uint64_t value;
} wrong_fields[] = {
	{ "magic", IN_HEAD(magic, 'x') },
	{ "version: newer", IN_HEAD(version, STATE_VERSION + 1) },
	{ "version: older", IN_HEAD(version, STATE_VERSION - 1) },
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
	{ "size: none", IN_LIST_BOTH(FIRST, 0, 0) },
	{ "size: no multiple of 4", IN_LIST_BOTH(FIRST, SIZE - 2, SIZE - 4) },
	{ "size: too many", IN_LIST(FIRST, size, LIST_SIZE_MAX + 4) },
	{ "held: more than there are", IN_LIST(FIRST, held, SIZE + 4) },
	{ "held: no multiple of 4", IN_LIST(FIRST, held, SIZE - 2) },
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

static void test_F2_truncated(void **state)
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
	char behind[128];
	mint_begin(&m);
	put(m.path, span_str("a file is no folder"));
	snprintf(behind, sizeof behind, "%s/state", m.path);
	assert_err(state_map_open(behind, &s, &why), MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "cannot read"));
	assert_int_equal(unlink(m.path), 0);
	assert_err(state_map_open(m.path, &s, &why), MM_ERR_NOT_FOUND);
	assert_err(state_map_open(m.folder, &s, &why), MM_ERR_UNAVAILABLE);
	assert_int_equal(mkfifo(m.path, 0600), 0);
	assert_err(state_map_open(m.path, &s, &why), MM_ERR_UNAVAILABLE);
	assert_int_equal(unlink(m.path), 0);
	put(m.path, span_of(m.r.iss, sizeof m.r.iss));
	assert_err(state_map_open(m.path, &s, &why), MM_ERR_UNAVAILABLE);
	mint_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_F2_truncated),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_F2_every_byte), /* these take longest */
		cmocka_unit_test(test_every_byte_with_checksum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
