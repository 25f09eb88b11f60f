/* duration.c - durations and dates, read strictly and written back.
 *
 * A duration decides how long a secret lives, so what is not plainly one is
 * refused: "1.5d" is neither one day nor two.  Digits are read by hand
 * because strtol() takes signs, spaces and locales.
 */
#include "common/duration.h"

#include <stdio.h>
#include <time.h>

#include "common/text.h"

#define DAY 86400

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* ---- durations ---- */

/* In falling order, which is also the order that compounds keep. */
static const struct unit {
	uint8_t letter;
	int64_t seconds;
} units[] = {
	{ 'w', 7 * DAY }, { 'd', DAY }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 },
};
enum { UNITS = sizeof units / sizeof *units };

static enum mm_err refuse(struct why *why, struct span text, const char *what)
{
	char quoted[QUOTE_SIZE];
	text_quote(quoted, text);
	return why_say(why, MM_ERR_INVALID, NULL, "%s %s", quoted, what);
}

static enum mm_err not_a_duration(struct why *why, struct span text)
{
	return refuse(why, text,
		      "is not a duration: write 45s, 30m, 12h, 20d, 2w, a "
		      "compound like 1h30m, or seconds as a whole number");
}

/* Take digits off the front of *rest; false if there are none.  Stops
 * counting above DURATION_MAX, which is too long anyway. */
static bool take_number(struct span *rest, int64_t *n)
{
	size_t i = 0;
	*n = 0;
	for (; i < rest->len && digit(rest->at[i]); i++)
		if (*n <= DURATION_MAX)
			*n = *n * 10 + (rest->at[i] - '0');
	if (i != 0)
		*rest = span_of(rest->at + i, rest->len - i);
	return i != 0;
}

/* Take a unit that is smaller than the one before (`next` counts on). */
static bool take_unit(struct span *rest, size_t *next, int64_t *seconds)
{
	for (size_t i = *next; i < UNITS; i++) {
		if (rest->len == 0 || rest->at[0] != units[i].letter)
			continue;
		*seconds = units[i].seconds;
		*next = i + 1;
		*rest = span_of(rest->at + 1, rest->len - 1);
		return true;
	}
	return false;
}

enum mm_err duration_read(struct span text, int64_t *seconds, struct why *why)
{
	struct span rest = text;
	size_t next = 0;
	int64_t total = 0, n, unit;

	do {
		if (!take_number(&rest, &n))
			return not_a_duration(why, text);
		bool bare = next == 0 && rest.len == 0;
		unit = 1;
		if (!bare && !take_unit(&rest, &next, &unit))
			return not_a_duration(why, text);
		if (n > (DURATION_MAX - total) / unit)
			return refuse(why, text,
				      "is longer than a hundred years");
		total += n * unit;
	} while (rest.len != 0);

	if (total == 0)
		return refuse(why, text, "is no time at all");
	*seconds = total;
	return MM_OK;
}

enum mm_err duration_or_none_read(struct span text, int64_t *seconds,
				  struct why *why)
{
	if (!span_is(text, "0") && !span_is(text, "0s"))
		return duration_read(text, seconds, why);
	*seconds = 0;
	return MM_OK;
}

void duration_write(char out[32], int64_t seconds)
{
	int64_t left = seconds;
	size_t used = 0;

	snprintf(out, 32, "0s");
	for (size_t i = 0; i < UNITS && left > 0; i++) {
		int64_t n = left / units[i].seconds;
		bool weeks = units[i].letter == 'w';
		if (n == 0 || (weeks && left % units[i].seconds != 0))
			continue;
		used += (size_t)snprintf(out + used, 32 - used, "%lld%c",
					 (long long)n, units[i].letter);
		left %= units[i].seconds;
	}
}

/* ---- dates ---- */

static enum mm_err not_a_date(struct why *why, struct span text)
{
	return refuse(why, text,
		      "is not a date: write 2026-11-24 or "
		      "2026-11-24T10:00:00Z");
}

/* Take exactly `digits` digits off the front, within lo..hi. */
static bool take_digits(struct span *rest, size_t digits, int lo, int hi,
			int *out)
{
	int n = 0;
	if (rest->len < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (!digit(rest->at[i]))
			return false;
		n = n * 10 + (rest->at[i] - '0');
	}
	*rest = span_of(rest->at + digits, rest->len - digits);
	*out = n;
	return n >= lo && n <= hi;
}

static bool take_char(struct span *rest, const char *any_of)
{
	if (rest->len == 0 || rest->at[0] == '\0' ||
	    strchr(any_of, rest->at[0]) == NULL)
		return false;
	*rest = span_of(rest->at + 1, rest->len - 1);
	return true;
}

static int days_in(int year, int month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* full-date (RFC 3339 s5.6) */
static bool take_date(struct span *rest, struct tm *t)
{
	int year, month;
	if (!take_digits(rest, 4, 1970, 9999, &year) || !take_char(rest, "-") ||
	    !take_digits(rest, 2, 1, 12, &month) || !take_char(rest, "-") ||
	    !take_digits(rest, 2, 1, days_in(year, month), &t->tm_mday))
		return false;
	t->tm_year = year - 1900;
	t->tm_mon = month - 1;
	return true;
}

/* partial-time; a leap second (":60") is nothing that anybody plans for. */
static bool take_time(struct span *rest, struct tm *t)
{
	int64_t fraction;
	return take_digits(rest, 2, 0, 23, &t->tm_hour) &&
	       take_char(rest, ":") &&
	       take_digits(rest, 2, 0, 59, &t->tm_min) &&
	       take_char(rest, ":") &&
	       take_digits(rest, 2, 0, 59, &t->tm_sec) &&
	       (!take_char(rest, ".") || take_number(rest, &fraction));
}

/* time-offset, in seconds east of UTC */
static bool take_offset(struct span *rest, int *seconds)
{
	int hours, minutes;
	*seconds = 0;
	if (take_char(rest, "Zz"))
		return true;
	bool west = rest->len != 0 && rest->at[0] == '-';
	if (!take_char(rest, "+-") || !take_digits(rest, 2, 0, 23, &hours) ||
	    !take_char(rest, ":") || !take_digits(rest, 2, 0, 59, &minutes))
		return false;
	*seconds = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

enum mm_err date_read(struct span text, int64_t *unix_seconds, struct why *why)
{
	struct tm t = { 0 };
	struct span rest = text;
	int offset = 0;

	if (!take_date(&rest, &t))
		return not_a_date(why, text);
	if (rest.len != 0 && !(take_char(&rest, "Tt") && take_time(&rest, &t) &&
			       take_offset(&rest, &offset)))
		return not_a_date(why, text);
	if (rest.len != 0)
		return not_a_date(why, text);

	int64_t at = (int64_t)timegm(&t) - offset;
	if (at < 0 || at > DATE_MAX)
		return refuse(why, text, "is not between 1970 and 9999");
	*unix_seconds = at;
	return MM_OK;
}

static struct tm utc(int64_t unix_seconds)
{
	time_t at = unix_seconds < 0	      ? 0
		    : unix_seconds > DATE_MAX ? DATE_MAX
					      : unix_seconds;
	struct tm t;
	gmtime_r(&at, &t);
	return t;
}

void date_write(char out[32], int64_t unix_seconds)
{
	const struct tm t = utc(unix_seconds);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &t);
}

/* Day and month in English, whatever the locale is. */
void date_write_http(char out[32], int64_t unix_seconds)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed",
					 "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr",
					    "May", "Jun", "Jul", "Aug",
					    "Sep", "Oct", "Nov", "Dec" };
	const struct tm t = utc(unix_seconds);
	char rest[24];
	strftime(rest, sizeof rest, "%Y %H:%M:%S GMT", &t);
	snprintf(out, 32, "%s, %02u %s %s", days[t.tm_wday],
		 (unsigned)t.tm_mday % 100, months[t.tm_mon], rest);
}
