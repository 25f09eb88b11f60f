/* Step 4, for people's eyes: each token, hour and door is told once, and the
 * newest of what was not told yet is what is told. */
/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "common/seen.h"

#define HOUR  INT64_C(1789999200)
#define ok(e) assert_int_equal(e, MM_OK)

static struct sighting of(uint32_t idx, int64_t hours, const char *door)
{
	struct sighting s = { .list = 1,
			      .idx = idx,
			      .hour = HOUR + hours * SEEN_GRAIN };
	door_write(s.door, door);
	return s;
}

static void add(struct seen_table *t, uint32_t idx, int64_t hours,
		const char *door)
{
	struct sighting s = of(idx, hours, door);
	ok(seen_table_add(t, &s));
}

/* What is told when somebody asks, an hour and more after HOUR. */
static size_t tell(struct seen_table *t, struct sighting *out)
{
	size_t n = seen_table_due(t, HOUR + 9 * SEEN_GRAIN, out, 8);
	for (size_t i = 0; i < n; i++)
		seen_table_taken(t, &out[i]);
	return n;
}

static void test_once(void **state)
{
	(void)state;
	struct seen_table t;
	struct sighting out[8];
	seen_table_init(&t, 10);
	add(&t, 1, 0, "http");
	add(&t, 1, 0, "http");
	add(&t, 2, 0, "http");
	assert_int_equal(tell(&t, out), 2);
	assert_int_equal(out[0].idx, 1);
	assert_int_equal(out[0].hour, HOUR);
	assert_string_equal(out[0].door, "http");
	assert_int_equal(out[1].idx, 2);

	add(&t, 1, 0, "http"); /* told */
	assert_int_equal(tell(&t, out), 0);
	add(&t, 1, 0, "pam:sshd"); /* another door */
	assert_int_equal(tell(&t, out), 1);
	assert_string_equal(out[0].door, "pam:sshd");
	add(&t, 1, 0, "http"); /* both told, in whatever order */
	add(&t, 1, 0, "pam:sshd");
	assert_int_equal(tell(&t, out), 0);
	add(&t, 1, 1, "http");	 /* the next hour */
	add(&t, 1, 0, "verify"); /* come late: it says nothing new */
	assert_int_equal(tell(&t, out), 1);
	assert_int_equal(out[0].hour, HOUR + SEEN_GRAIN);
	assert_string_equal(out[0].door, "http");
	seen_table_free(&t);
}

/* The newest stands for those that were not told; told while a newer one
 * came in, that one is yet to be told. */
static void test_meanwhile(void **state)
{
	(void)state;
	struct seen_table t;
	struct sighting out[8];
	seen_table_init(&t, 10);
	add(&t, 1, 0, "http");
	add(&t, 1, 0, "verify");
	add(&t, 1, 2, "http");
	assert_int_equal(seen_table_due(&t, HOUR + 9999, out, 8), 1);
	assert_int_equal(out[0].hour, HOUR + 2 * SEEN_GRAIN);
	add(&t, 1, 3, "http");
	seen_table_taken(&t, &out[0]);
	assert_int_equal(tell(&t, out), 1);
	assert_int_equal(out[0].hour, HOUR + 3 * SEEN_GRAIN);
	add(&t, 1, 3, "verify");
	struct sighting first = of(1, 3, "http");
	seen_table_taken(&t, &first); /* once more: the answer was lost */
	assert_int_equal(t.untold, 1);
	seen_table_free(&t);
}

/* The issuer's clock may be a little behind. */
static void test_margin(void **state)
{
	(void)state;
	struct seen_table t;
	struct sighting out[8];
	seen_table_init(&t, 10);
	for (uint32_t i = 0; i < 3; i++)
		add(&t, i, 0, "http");
	assert_int_equal(seen_table_due(&t, HOUR + 4, out, 8), 0);
	assert_int_equal(seen_table_due(&t, HOUR + 5, out, 8), 3);
	assert_int_equal(seen_table_due(&t, HOUR + 5, out, 2), 2);
	seen_table_free(&t);
}

static void test_room(void **state)
{
	(void)state;
	struct seen_table t;
	struct sighting out[8], s = of(600, 0, "http");
	seen_table_init(&t, 600);
	for (uint32_t i = 0; i < 600; i++)
		add(&t, i, 0, "http");
	assert_int_equal(seen_table_add(&t, &s), MM_ERR_FULL);
	add(&t, 5, 1, "http"); /* one that is in it */
	seen_table_prune(&t, HOUR + SEEN_GRAIN);
	assert_int_equal(t.count, 600); /* not told yet */
	while (tell(&t, out) != 0) {}
	seen_table_prune(&t, HOUR + SEEN_GRAIN - 1);
	assert_int_equal(t.count, 600); /* still needed in this hour */
	seen_table_prune(&t, HOUR + SEEN_GRAIN);
	assert_int_equal(t.count, 1);
	ok(seen_table_add(&t, &s));
	seen_table_free(&t);
}

/* Doors beyond those that can be told apart are as one: each token is still
 * told of, and none of them time and again. */
static void test_many_doors(void **state)
{
	(void)state;
	struct seen_table t;
	struct sighting out[8];
	char door[16];
	size_t told = 0;
	seen_table_init(&t, 10);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 200; i++) {
			snprintf(door, sizeof door, "door%d", i);
			add(&t, 1, 0, door);
			told += tell(&t, out);
		}
	assert_int_equal(told, SEEN_DOORS);
	add(&t, 2, 0, "door199");
	assert_int_equal(tell(&t, out), 1);
	assert_string_equal(out[0].door, "door199");
	seen_table_free(&t);
}

/* ---- words ---- */

static void test_door(void **state)
{
	(void)state;
	static const struct {
		const char *name, *door;
	} cases[] = {
		{ NULL, "" },
		{ "", "" },
		{ "pam:sshd", "pam:sshd" },
		{ "https://files.example.org", "https://files.example.org" },
		{ "my service", "my_service" },
		{ "a\"b\\c\n\x7f", "a_b_c__" },
		{ "caf\xC3\xA9", "caf__" },
		{ "0123456789012345678901234567890123456789",
		  "0123456789012345678901234567890" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char door[DOOR_SIZE];
		door_write(door, cases[i].name);
		assert_string_equal(door, cases[i].door);
		assert_int_equal(door_is_word(span_str(door)), door[0] != '\0');
	}
	assert_false(door_is_word(span_str("a b")));
	assert_false(door_is_word(span_str("a\"")));
	assert_false(door_is_word(span_str("caf\xC3\xA9")));
	assert_false(
		door_is_word(span_str("0123456789012345678901234567890x")));
}

static void test_address(void **state)
{
	(void)state;
	static const struct {
		const char *text, *from;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "2001:DB8:0::7", "2001:db8::7" },
		{ "fe80::1%eth0", "fe80::1" },
		{ "", "" },
		{ "host.example", "" },
		{ "192.0.2.7:22", "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char from[FROM_SIZE];
		from_write(from, span_str(cases[i].text));
		assert_string_equal(from, cases[i].from);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_margin),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_many_doors),
		cmocka_unit_test(test_door),
		cmocka_unit_test(test_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
