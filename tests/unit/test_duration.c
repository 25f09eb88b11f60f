/* test_duration.c - durations and dates: a few good ones, many that must
 * not pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/duration.h"

static const struct {
	const char *text;
	int64_t seconds;
} good_durations[] = {
	{ "1", 1 },
	{ "45", 45 },
	{ "007", 7 },
	{ "45s", 45 },
	{ "30m", 1800 },
	{ "12h", 43200 },
	{ "20d", 1728000 },
	{ "2w", 1209600 },
	{ "1h30m", 5400 },
	{ "1w2d3h4m5s", 788645 },
	{ "1d1s", 86401 },
	{ "0h5m", 300 },
	{ "90m", 5400 },
	{ "3162240000", DURATION_MAX },
	{ "36600d", DURATION_MAX },
};

static const char *const bad_durations[] = {
	"",
	" ",
	" 5d",
	"5d ",
	"5 d",
	"d",
	"1.5d",
	"1,5d",
	"20u",
	"-5d",
	"+5",
	"-5",
	"0",
	"0s",
	"0w0d",
	"5D",
	"5S",
	"1h30",
	"30m1h",
	"1h1h",
	"1h30m5",
	"1hm",
	"1h 30m",
	"1e3",
	"0x10",
	"5days",
	"5d\n",
	"\u00a05d",
	"3162240001",
	"36600d1s",
	"5229w",
	"36601d",
	"9223372036854775807",
	"9223372036854775808",
	"18446744073709551617s",
	"106751991167301d",
	"99999999999999999999999999999999999999",
};

static void test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good_durations / sizeof *good_durations;
	     i++) {
		int64_t s = -1;
		assert_int_equal(duration_read(span_str(good_durations[i].text),
					       &s, NULL),
				 MM_OK);
		assert_int_equal(s, good_durations[i].seconds);
	}
	for (size_t i = 0; i < sizeof bad_durations / sizeof *bad_durations;
	     i++) {
		struct why why = { .text = "" };
		int64_t s = -1;
		if (duration_read(span_str(bad_durations[i]), &s, &why) !=
		    MM_ERR_INVALID)
			fail_msg("accepted: \"%s\"", bad_durations[i]);
		assert_int_equal(s, -1);
		assert_int_equal(why.text[0], '"');
	}
}

static void test_nul_and_unended(void **state)
{
	int64_t s;
	(void)state;
	assert_int_equal(duration_read(span_of("5d", 1), &s, NULL), MM_OK);
	assert_int_equal(s, 5);
	assert_int_equal(duration_read(span_of("5\0d", 3), &s, NULL),
			 MM_ERR_INVALID);
	assert_int_equal(duration_read(span_of("5d\0", 3), &s, NULL),
			 MM_ERR_INVALID);
	assert_int_equal(duration_read(span_of(NULL, 0), &s, NULL),
			 MM_ERR_INVALID);
}

static void test_sentence(void **state)
{
	struct why why;
	int64_t s;
	(void)state;
	assert_int_equal(duration_read(span_str("1.5d"), &s, &why),
			 MM_ERR_INVALID);
	assert_string_equal(why.text,
			    "\"1.5d\" is not a duration: write 45s, 30m, 12h, "
			    "20d, 2w, a compound like 1h30m, or seconds as a "
			    "whole number");
	/* the input is cut, and nothing of it but print gets through */
	char long_one[200];
	memset(long_one, 'x', sizeof long_one);
	memcpy(long_one, "\x1b[31m\"\n\xff", 8);
	assert_int_equal(
		duration_read(span_of(long_one, sizeof long_one), &s, &why),
		MM_ERR_INVALID);
	assert_int_equal(strncmp(why.text, "\"?[31m???xxx", 12), 0);
	assert_non_null(strstr(why.text, "xxx...\" is not a duration"));
}

static const struct {
	int64_t seconds;
	const char *text;
} written[] = {
	{ -1, "0s" },	     { 0, "0s" },
	{ 1, "1s" },	     { 59, "59s" },
	{ 60, "1m" },	     { 90, "1m30s" },
	{ 5400, "1h30m" },   { 86400, "1d" },
	{ 129600, "1d12h" }, { 604800, "1w" },
	{ 1209600, "2w" },   { 2592000, "30d" },
	{ 604801, "7d1s" },  { DURATION_MAX, "36600d" },
};

static void test_duration_write(void **state)
{
	char text[32];
	(void)state;
	for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
		int64_t back = 0;
		duration_write(text, written[i].seconds);
		assert_string_equal(text, written[i].text);
		if (written[i].seconds <= 0)
			continue;
		assert_int_equal(duration_read(span_str(text), &back, NULL),
				 MM_OK);
		assert_int_equal(back, written[i].seconds);
	}
	duration_write(text, INT64_MAX);
	assert_string_equal(text, "106751991167300d15h30m7s");
}

/* ---- dates ---- */

static const struct {
	const char *text;
	int64_t at;
} good_dates[] = {
	{ "1970-01-01", 0 },
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-24", 1795478400 },
	{ "2026-11-24T10:00:00Z", 1795514400 },
	{ "2026-11-24t10:00:00z", 1795514400 },
	{ "2026-11-24T10:00:00.999999999Z", 1795514400 },
	{ "2026-11-24T11:30:00+01:30", 1795514400 },
	{ "2026-11-24T02:00:00-08:00", 1795514400 },
	{ "2026-11-24T10:00:00-00:00", 1795514400 },
	{ "2000-02-29", 951782400 },
	{ "2024-02-29T23:59:59Z", 1709251199 },
	{ "2038-01-19T03:14:08Z", 2147483648 },
	{ "9999-12-31T23:59:59Z", DATE_MAX },
	{ "1970-01-01T01:00:00+01:00", 0 },
};

static const char *const bad_dates[] = {
	"",
	"2026",
	"2026-11",
	"2026-11-24T",
	"2026-11-24Z",
	"2026-11-24 10:00:00Z",
	"2026-11-24T10:00Z",
	"2026-11-24T10:00:00",
	"2026-11-24T10:00:00ZZ",
	"2026-11-24T10:00:00.Z",
	"2026-11-24T10:00:00,5Z",
	"2026-11-24T10:00:00+1:00",
	"2026-11-24T10:00:00+0100",
	"2026-11-24T10:00:00+24:00",
	"2026-11-24T10:00:00+01:60",
	"2026-11-24T24:00:00Z",
	"2026-11-24T10:60:00Z",
	"2026-11-24T23:59:60Z",
	" 2026-11-24",
	"2026-11-24 ",
	"2026-1-24",
	"2026-11-4",
	"26-11-24",
	"20261124",
	"2026/11/24",
	"2026-00-01",
	"2026-13-01",
	"2026-01-00",
	"2026-01-32",
	"2026-04-31",
	"2026-02-29",
	"2026-02-30",
	"2024-02-30",
	"2100-02-29",
	"1969-12-31",
	"10000-01-01",
	"0000-01-01",
	"-2026-11-24",
	"+2026-11-24",
	"2026-11--4",
	"1970-01-01T00:59:59+01:00",
	"9999-12-31T23:59:59-00:01",
	"tomorrow",
	"20d",
};

static void test_dates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good_dates / sizeof *good_dates; i++) {
		int64_t at = -1;
		if (date_read(span_str(good_dates[i].text), &at, NULL) !=
			    MM_OK ||
		    at != good_dates[i].at)
			fail_msg("%s: %lld", good_dates[i].text, (long long)at);
	}
	for (size_t i = 0; i < sizeof bad_dates / sizeof *bad_dates; i++) {
		struct why why = { .text = "" };
		int64_t at = -1;
		if (date_read(span_str(bad_dates[i]), &at, &why) !=
		    MM_ERR_INVALID)
			fail_msg("accepted: \"%s\"", bad_dates[i]);
		assert_int_equal(at, -1);
		assert_int_equal(why.text[0], '"');
	}
}

/* Every day of the calendar, once there and once back. */
static void test_every_day(void **state)
{
	char text[32];
	(void)state;
	for (int64_t day = 0; day <= DATE_MAX / 86400; day++) {
		int64_t at = -1;
		date_write(text, day * 86400);
		assert_int_equal(date_read(span_of(text, 10), &at, NULL),
				 MM_OK);
		assert_int_equal(at, day * 86400);
	}
}

static void test_date_write(void **state)
{
	char text[32];
	(void)state;
	date_write(text, 1795514400);
	assert_string_equal(text, "2026-11-24T10:00:00Z");
	date_write(text, -5);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	date_write(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void test_date_write_http(void **state)
{
	(void)state;
	static const struct {
		int64_t at;
		const char *text;
	} with[] = {
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" }, /* RFC 9110 */
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 1795514400, "Tue, 24 Nov 2026 10:00:00 GMT" },
		{ -5, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
	};
	char text[32];
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
		date_write_http(text, with[i].at);
		assert_string_equal(text, with[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_nul_and_unended),
		cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_duration_write),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_date_write),
		cmocka_unit_test(test_date_write_http),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
