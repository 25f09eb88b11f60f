/* test_log.c - log lines, read back with a JSON parser that is not ours.
 *
 * Standard error is a pipe's other end while a test logs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/span.h"

/* ---- catching what is logged ---- */

struct catch
{
	int before;
	FILE *file;
	char *text;
};

static void catch_begin(struct catch *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->before = dup(STDERR_FILENO);
	assert_true(c->before >= 0);
	dup2(fileno(c->file), STDERR_FILENO);
	/* threads append, whoever comes first */
	fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
}

static void catch_end(struct catch *c)
{
	dup2(c->before, STDERR_FILENO);
	close(c->before);
	size_t size = (size_t)lseek(fileno(c->file), 0, SEEK_END);
	c->text = calloc(1, size + 1);
	assert_non_null(c->text);
	assert_int_equal(pread(fileno(c->file), c->text, size, 0), size);
	fclose(c->file);
}

/* The next line, parsed; NULL behind the last. */
static json_t *next_line(char **at)
{
	char *end = strchr(*at, '\n');
	json_error_t error;
	if (end == NULL) {
		assert_int_equal(**at, '\0');
		return NULL;
	}
	json_t *line = json_loadb(*at, (size_t)(end - *at),
				  JSON_REJECT_DUPLICATES, &error);
	if (line == NULL)
		fail_msg("%s: %.*s", error.text, (int)(end - *at), *at);
	*at = end + 1;
	return line;
}

static const char *member(const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));
	return text ? text : "(none)";
}

static json_t *only_line(struct catch *c)
{
	char *at = c->text;
	json_t *line = next_line(&at);
	assert_non_null(line);
	assert_null(next_line(&at));
	free(c->text);
	return line;
}

/* ---- one line ---- */

static void test_line(void **state)
{
	struct catch c;
	(void)state;
	catch_begin(&c);
	errno = ENOENT;
	log_event(LOG_INFO, "test.line", "id=%s user=%s n=%d", "3.1",
		  "alice smith", 42);
	assert_int_equal(errno, ENOENT);
	catch_end(&c);
	json_t *line = only_line(&c);
	assert_string_equal(member(line, "level"), "info");
	assert_string_equal(member(line, "event"), "test.line");
	assert_string_equal(member(line, "id"), "3.1");
	assert_string_equal(member(line, "user"), "alice smith");
	assert_string_equal(member(line, "n"), "42");
	assert_int_equal(json_object_size(line), 6);

	char time[25]; /* 2026-11-24T10:00:00.123Z */
	assert_true(
		span_copy(time, sizeof time, span_str(member(line, "time"))));
	assert_int_equal(strlen(time), 24);
	assert_int_equal(time[10], 'T');
	assert_int_equal(time[19], '.');
	assert_int_equal(strspn(time + 20, "0123456789"), 3);
	assert_int_equal(time[23], 'Z');
	json_decref(line);
}

/* A value, and what a JSON parser must find it to be. */
static const struct {
	const char *value, *found;
} values[] = {
	{ "", "" },
	{ "a b  c ", "a b  c " },
	{ "x=y", "x=y" },
	{ "bob last=forged level=error", "bob last=forged level=error" },
	{ "\"quoted\", \\ and \"}", "\"quoted\", \\ and \"}" },
	{ "two\nlines\r\n\t", "two\nlines\r\n\t" },
	{ "\x1b[31m\x7f", "\x1b[31m\x7f" },
	{ "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x91",
	  "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x91" },
	{ "\xC2\x9B"
	  "31m",
	  "\xC2\x9B"
	  "31m" },
	{ "\xFF", "\xEF\xBF\xBD" },
	{ "a\xC3", "a\xEF\xBF\xBD" },
	{ "\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD" },
	{ "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	{ "\xF4\x90\x80\x80",
	  "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	{ "%s%n%d", "%s%n%d" },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct catch c;
		catch_begin(&c);
		log_event(LOG_WARNING, "test.value", "value=%s last=%s",
			  values[i].value, "end");
		catch_end(&c);
		for (char *at = c.text; *at != '\n'; at++)
			assert_true((unsigned char)*at >= 0x20 && *at != 0x7F);
		json_t *line = only_line(&c);
		assert_string_equal(member(line, "level"), "warning");
		assert_string_equal(member(line, "value"), values[i].found);
		assert_string_equal(member(line, "last"), "end");
		assert_int_equal(json_object_size(line), 5);
		json_decref(line);
	}
}

static void test_other_formats(void **state)
{
	struct catch c;
	(void)state;
	catch_begin(&c);
	log_event(LOG_ERR, "test.text", "just words, 100%% of a=b %s", "k=v");
	catch_end(&c);
	json_t *line = only_line(&c);
	assert_string_equal(member(line, "level"), "error");
	assert_string_equal(member(line, "text"), "just words, 100% of");
	assert_string_equal(member(line, "a"), "b k=v");
	json_decref(line);

	catch_begin(&c);
	log_event(LOG_NOTICE, "test.empty", "%s", "");
	catch_end(&c);
	line = only_line(&c);
	assert_string_equal(member(line, "text"), "");
	json_decref(line);
}

static void test_long_values(void **state)
{
	static char long_one[20000];
	struct catch c;
	(void)state;
	/* the worst: each byte becomes six */
	memset(long_one, 1, sizeof long_one - 1);
	for (size_t cut = 0; cut < 8; cut++) {
		catch_begin(&c);
		log_event(LOG_INFO, "test.long", "pad=%.*s value=%s last=x",
			  (int)cut, "12345678", long_one);
		catch_end(&c);
		assert_true(strlen(c.text) <= 4096);
		json_t *line = only_line(&c);
		assert_true(strlen(member(line, "value")) > 500);
		json_decref(line);
	}
}

static void test_level(void **state)
{
	struct catch c;
	(void)state;
	catch_begin(&c);
	log_event(LOG_DEBUG, "test.level", "n=%d", 1);
	log_set_level(LOG_WARNING);
	log_event(LOG_NOTICE, "test.level", "n=%d", 2);
	log_event(LOG_WARNING, "test.level", "n=%d", 3);
	log_set_level(LOG_DEBUG);
	log_event(LOG_DEBUG, "test.level", "n=%d", 4);
	log_set_level(LOG_INFO);
	catch_end(&c);
	char *at = c.text;
	json_t *third = next_line(&at), *fourth = next_line(&at);
	assert_string_equal(member(third, "n"), "3");
	assert_string_equal(member(fourth, "n"), "4");
	assert_string_equal(member(fourth, "level"), "debug");
	assert_null(next_line(&at));
	json_decref(third);
	json_decref(fourth);
	free(c.text);
}

/* ---- the limit, and threads ---- */

enum { THREADS = 4, LINES = 500 };

static void *shout(void *arg)
{
	(void)arg;
	for (int i = 0; i < LINES; i++)
		log_event(LOG_INFO, "test.flood", "n=%d text=%s", i,
			  "some words that make the line longer");
	return NULL;
}

/* Every line is there or counted; none is torn. */
static void test_limit(void **state)
{
	struct catch c;
	pthread_t t[THREADS];
	size_t written = 0, left_out = 0, others = 0;
	json_t *line;
	(void)state;
	catch_begin(&c);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, shout, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	log_event(LOG_INFO, "test.other", "n=%d", 1); /* has its own limit */
	usleep(1100 * 1000); /* the next second tells */
	log_event(LOG_INFO, "test.other", "n=%d", 2);
	catch_end(&c);
	char *at = c.text;
	while ((line = next_line(&at)) != NULL) {
		const char *event = member(line, "event");
		written += strcmp(event, "test.flood") == 0;
		others += strcmp(event, "test.other") == 0;
		if (strcmp(event, "log.left_out") == 0) {
			assert_string_equal(member(line, "of"), "test.flood");
			left_out += strtoul(member(line, "lines"), NULL, 10);
		}
		json_decref(line);
	}
	assert_int_equal(written + left_out, THREADS * LINES);
	assert_int_equal(written % 100, 0); /* 100 in each second it took */
	assert_in_range(written, 100, 1000);
	assert_int_equal(others, 2);
	free(c.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_other_formats),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
