/* log.c - log lines: split by the format, escaped, limited, one write(2).
 *
 * A line is at most PIPE_BUF bytes, so that lines of several threads and
 * processes in one pipe never mix.  Keys are looked for in the format
 * alone, which is ours; the values, which may be a stranger's, are found by
 * how long the format before them prints.
 */
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"

enum {
	LINE_MAX_BYTES = 4000,
	TEXT_SIZE = 3072, /* all values of a line */
	FORMAT_SIZE = 512,
	KEYS_MAX = 16,
	LINES_A_SECOND = 100,
	EVENT_NAMES = 128,
};

/* How often one event name was logged in the current second. */
struct rate {
	const char *event; /* the caller's literal; NULL: free */
	unsigned lines, left_out;
};

/* The one log of the process. */
static struct {
	atomic_int level;
	pthread_mutex_t lock; /* guards what follows */
	int64_t second;
	struct rate rates[EVENT_NAMES];
} the_log = { .level = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

void log_set_level(int level)
{
	atomic_store(&the_log.level, level);
}

/* ---- a line of JSON ---- */

struct line {
	size_t len;
	char at[LINE_MAX_BYTES + sizeof "\"}\n"];
};

static size_t line_room(const struct line *l)
{
	return l->len < LINE_MAX_BYTES ? LINE_MAX_BYTES - l->len : 0;
}

/* All of it or nothing, so that a cut line is still JSON. */
static void line_add(struct line *l, struct span s)
{
	if (s.len > line_room(l))
		return;
	memcpy(l->at + l->len, s.at, s.len);
	l->len += s.len;
}

static void line_add_escaped(struct line *l, struct span s)
{
	char spelt[8];
	while (s.len != 0)
		line_add(l, text_json_char(&s, spelt));
}

/* A member, or nothing if not even its name would fit. */
static void line_member(struct line *l, struct span name, struct span value)
{
	if (name.len + sizeof ",\"\":\"\"" > line_room(l))
		return;
	line_add(l, span_str(l->len == 0 ? "{\"" : ",\""));
	line_add(l, name);
	line_add(l, span_str("\":\""));
	line_add_escaped(l, value);
	l->at[l->len++] = '"'; /* its room is behind LINE_MAX_BYTES */
}

static const char *level_name(int level)
{
	return level <= LOG_ERR	      ? "error"
	       : level == LOG_WARNING ? "warning"
	       : level == LOG_NOTICE  ? "notice"
	       : level == LOG_INFO    ? "info"
				      : "debug";
}

static void line_begin(struct line *l, int level, const char *event)
{
	struct timespec now;
	struct tm t;
	char stamp[40], text[48];

	l->len = 0;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &t);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &t);
	snprintf(text, sizeof text, "%s.%03dZ", stamp,
		 (int)(now.tv_nsec / 1000000));
	line_member(l, span_str("time"), span_str(text));
	line_member(l, span_str("level"), span_str(level_name(level)));
	line_member(l, span_str("event"), span_str(event));
}

/* A log that cannot be written is no reason to stop. */
static void line_write(struct line *l)
{
	ssize_t n;
	l->at[l->len++] = '}';
	l->at[l->len++] = '\n';
	do
		n = write(STDERR_FILENO, l->at, l->len);
	while (n < 0 && errno == EINTR);
}

/* ---- the limit ---- */

static struct rate *rate_of(const char *event)
{
	for (size_t i = 0; i < EVENT_NAMES; i++) {
		struct rate *r = &the_log.rates[i];
		if (r->event == NULL)
			r->event = event;
		if (strcmp(r->event, event) == 0)
			return r;
	}
	return &the_log.rates[EVENT_NAMES - 1]; /* shared by the rest */
}

/* A new second: say what the last one left out, and count anew. */
static void rates_start_over(int64_t second)
{
	the_log.second = second;
	for (size_t i = 0; i < EVENT_NAMES && the_log.rates[i].event; i++) {
		struct rate *r = &the_log.rates[i];
		struct line l;
		char lines[16];
		if (r->left_out != 0) {
			snprintf(lines, sizeof lines, "%u", r->left_out);
			line_begin(&l, LOG_WARNING, "log.left_out");
			line_member(&l, span_str("of"), span_str(r->event));
			line_member(&l, span_str("lines"), span_str(lines));
			line_write(&l);
		}
		r->lines = r->left_out = 0;
	}
}

/* What people did to tokens and keys is never left out: it is the record
 * that they go by later, and no stranger can make us write it. */
static bool is_record(const char *event)
{
	return strncmp(event, "token.", 6) == 0 ||
	       strncmp(event, "user.", 5) == 0 ||
	       strncmp(event, "key.", 4) == 0;
}

static bool within_limit(const char *event)
{
	if (is_record(event))
		return true;
	int64_t second = clock_ms() / 1000;
	pthread_mutex_lock(&the_log.lock);
	if (second != the_log.second)
		rates_start_over(second);
	struct rate *r = rate_of(event);
	bool within = r->lines < LINES_A_SECOND;
	if (within)
		r->lines++;
	else
		r->left_out++;
	pthread_mutex_unlock(&the_log.lock);
	return within;
}

/* ---- keys and values ---- */

/* A key of the format: where its name and where its value's text begin. */
struct key {
	struct span name;
	size_t at, value;
};

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of the key that begins at fmt[i], or 0. */
static size_t key_length(const char *fmt, size_t i)
{
	size_t n = 0;
	if (i != 0 && fmt[i - 1] != ' ')
		return 0;
	while (key_char(fmt[i + n]))
		n++;
	return fmt[i + n] == '=' ? n : 0;
}

static size_t find_keys(const char *fmt, struct key keys[static KEYS_MAX])
{
	size_t count = 0;
	if (fmt[0] != '\0' && key_length(fmt, 0) == 0)
		keys[count++] = (struct key){ span_str("text"), 0, 0 };
	for (size_t i = 0; fmt[i] != '\0' && count < KEYS_MAX; i++) {
		size_t n = key_length(fmt, i);
		if (n != 0 && i + n + 1 < FORMAT_SIZE)
			keys[count++] = (struct key){ span_of(fmt + i, n), i,
						      i + n + 1 };
	}
	return count;
}

#ifdef __clang__
#pragma clang diagnostic ignored "-Wformat-nonliteral"
#endif
/* How many bytes the first n of the format print: where what comes next
 * stands in the text. */
static size_t printed_length(const char *fmt, size_t n, va_list args)
{
	char front[FORMAT_SIZE];
	va_list again;
	span_copy(front, sizeof front, span_of(fmt, n));
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, front, again);
	va_end(again);
	return length < 0 ? 0 : (size_t)length;
}

/* text[from..to), as far as it was kept. */
static struct span piece(const char text[static TEXT_SIZE], size_t from,
			 size_t to)
{
	size_t kept = strlen(text);
	if (to > kept)
		to = kept;
	return from < to ? span_of(text + from, to - from) : span_of("", 0);
}

static void line_add_pairs(struct line *l, const char *fmt, va_list args)
{
	char text[TEXT_SIZE] = "";
	struct key keys[KEYS_MAX];
	size_t count = find_keys(fmt, keys);
	va_list again;

	va_copy(again, args);
	vsnprintf(text, sizeof text, fmt, again);
	va_end(again);
	for (size_t i = 0; i < count; i++) {
		size_t from = printed_length(fmt, keys[i].value, args);
		size_t to = sizeof text;
		if (i + 1 < count) /* not the space before the next key */
			to = printed_length(fmt, keys[i + 1].at - 1, args);
		line_member(l, keys[i].name, piece(text, from, to));
	}
}

void log_event(int level, const char *event, const char *fmt, ...)
{
	int kept_errno = errno;
	struct line l;
	va_list args;

	if (level > atomic_load(&the_log.level) || !within_limit(event))
		return;
	line_begin(&l, level, event);
	va_start(args, fmt);
	line_add_pairs(&l, fmt, args);
	va_end(args);
	line_write(&l);
	errno = kept_errno;
}
