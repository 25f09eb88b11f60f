/* fuzz_duration.c - the same text as a duration and as a date.
 *
 * The grammars are said again as regular expressions, and a date is
 * worked out by the calendar of the C library, which is never asked to read
 * the text.  What was read is written as it can be read
 * again, and reads as the same.
 */
#include "common/duration.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/fuzz/fuzz.h"

enum { PARTS = 13, TEXT_MAX = 256 };

#define DURATION                                                               \
	"^(([0-9]+)|([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)$"
#define DATE                                                                   \
	"^([0-9]{4})-([0-9]{2})-([0-9]{2})"                                    \
	"([Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})([.][0-9]+)?"                    \
	"([Zz]|([+-])([0-9]{2}):([0-9]{2})))?$"

#define ENOUGH INT64_C(1000000000000) /* over every limit, and times a week */

/* The text of a part, as a number; -1: the part is not there. */
static int64_t number(const char *text, const regmatch_t *m)
{
	int64_t n = 0;
	if (m->rm_so < 0)
		return -1;
	for (regoff_t i = m->rm_so; i < m->rm_eo; i++)
		if (text[i] >= '0' && text[i] <= '9' && n < ENOUGH)
			n = n * 10 + (text[i] - '0');
	return n;
}

static regex_t duration, date;

static void begin(void)
{
	static bool begun;
	MM_ASSERT(begun || regcomp(&duration, DURATION, REG_EXTENDED) == 0);
	MM_ASSERT(begun || regcomp(&date, DATE, REG_EXTENDED) == 0);
	begun = true;
}

static bool match(const regex_t *r, const char *text, regmatch_t m[PARTS])
{
	return regexec(r, text, PARTS, m, 0) == 0;
}

/* ---- durations ---- */

static int64_t duration_wanted(const char *text)
{
	static const int64_t seconds[] = { 1, 604800, 86400, 3600, 60, 1 };
	regmatch_t m[PARTS];
	int64_t total = 0;
	if (text[0] == '\0' || !match(&duration, text, m))
		return -1;
	for (size_t i = 0; i < 6; i++)
		if (m[i + 2].rm_so >= 0)
			total += number(text, &m[i + 2]) * seconds[i];
	return total == 0 || total > DURATION_MAX ? -1 : total;
}

static void check_written(int64_t seconds)
{
	char text[32];
	int64_t again;
	duration_write(text, seconds);
	MM_ASSERT(duration_read(span_str(text), &again, NULL) == MM_OK);
	MM_ASSERT(again == seconds);
}

static bool check_duration(struct span input, const char *text)
{
	struct why why = { .text = "" };
	int64_t want = text ? duration_wanted(text) : -1, got = -1, or = -1;
	bool good = duration_read(input, &got, &why) == MM_OK;
	MM_ASSERT(good == (want > 0) && good == (why.text[0] == '\0'));
	MM_ASSERT(strlen(why.text) < sizeof why.text - 1);
	MM_ASSERT(got == want); /* untouched when refused */

	bool none = text && (!strcmp(text, "0") || !strcmp(text, "0s"));
	MM_ASSERT((duration_or_none_read(input, & or, NULL) == MM_OK) ==
		  (good || none));
	MM_ASSERT(or == (none ? 0 : want));
	if (good)
		check_written(got);
	return good;
}

/* ---- dates ---- */

/* What the parts say, if there is such a day (RFC 3339 s5.7). */
static bool at_of(const char *text, const regmatch_t *m, int64_t *at)
{
	int v[PARTS];
	for (int i = 0; i < PARTS; i++)
		v[i] = (int)number(text, &m[i]);
	struct tm t = { .tm_year = v[1] - 1900,
			.tm_mon = v[2] - 1,
			.tm_mday = v[3] };
	bool timed = m[4].rm_so >= 0, offset = m[11].rm_so >= 0;
	if (timed) {
		t.tm_hour = v[5];
		t.tm_min = v[6];
		t.tm_sec = v[7];
	}
	struct tm given = t;
	*at = timegm(&t); /* moves what does not exist to what does */
	if (offset)
		*at -= (v[11] * 60 + v[12]) * 60 *
		       (text[m[10].rm_so] == '-' ? -1 : 1);
	return t.tm_year == given.tm_year && t.tm_mon == given.tm_mon &&
	       t.tm_mday == given.tm_mday && t.tm_hour == given.tm_hour &&
	       t.tm_min == given.tm_min && t.tm_sec == given.tm_sec &&
	       v[1] >= 1970 && (!offset || (v[11] < 24 && v[12] < 60));
}

static int64_t date_wanted(const char *text)
{
	regmatch_t m[PARTS];
	int64_t at;
	if (!match(&date, text, m) || !at_of(text, m, &at))
		return -1;
	return at > DATE_MAX ? -1 : at;
}

static bool check_date(struct span input, const char *text)
{
	struct why why = { .text = "" };
	int64_t want = text ? date_wanted(text) : -1, got = -1, again;
	char written[32];
	bool good = date_read(input, &got, &why) == MM_OK;
	MM_ASSERT(good == (want >= 0) && good == (why.text[0] == '\0'));
	MM_ASSERT(strlen(why.text) < sizeof why.text - 1);
	if (!good)
		return false;
	MM_ASSERT(got == want);
	date_write(written, got);
	MM_ASSERT(date_read(span_str(written), &again, NULL) == MM_OK);
	MM_ASSERT(again == got);
	date_write_http(written, got);
	MM_ASSERT(strlen(written) == strlen("Tue, 24 Nov 2026 10:00:00 GMT"));
	return true;
}

bool fuzz_one(struct span input)
{
	char text[TEXT_MAX];
	begin();
	bool whole = span_copy(text, sizeof text, input);
	if (!whole) /* the oracle has no room for it */
		return false;
	bool as_c = strlen(text) == input.len; /* no NUL in it */
	bool lasts = check_duration(input, as_c ? text : NULL);
	bool is_day = check_date(input, as_c ? text : NULL);
	MM_ASSERT(!(lasts && is_day));
	return lasts || is_day;
}
