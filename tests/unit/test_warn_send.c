/* test_warn_send.c - what one way has taken is not sent to it again, however
 * long the other is away. */
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "issuer/warn_send.h"
#include "tests/unit/store_fixture.h"

#define TOKENS 8

/* ---- what it stands on ---- */

/* Both clocks: it is the fixture's time, and some days later. */
static _Atomic int64_t ahead_ms;
int64_t __real_clock_ms(void);
int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_now(void);
int64_t __wrap_clock_ms(void)
{
	static _Atomic int64_t first = -1;
	int64_t now = __real_clock_ms(), none = -1;
	atomic_compare_exchange_strong(&first, &none, now);
	return now - first + ahead_ms;
}

int64_t __wrap_clock_now(void)
{
	return T0 + __wrap_clock_ms() / 1000;
}

/* Nobody takes it: what is in it matters to nobody. */
struct jwk *__wrap_signing_key(struct signing *s);
struct jwk *__wrap_signing_key(struct signing *s)
{
	(void)s;
	return NULL;
}

enum mm_err __wrap_signing_jws(const struct jwk *key, const char *typ,
			       struct span payload, struct buf *out,
			       struct why *why);
enum mm_err __wrap_signing_jws(const struct jwk *key, const char *typ,
			       struct span payload, struct buf *out,
			       struct why *why)
{
	(void)key, (void)typ, (void)why;
	buf_add(out, payload);
	return MM_OK;
}

static void write_script(const struct fixture *f, char path[128])
{
	snprintf(path, 128, "%s/command", f->dir);
	FILE *s = fopen(path, "we");
	assert_non_null(s);
	fprintf(s, "#!/bin/sh\ncat >>%s/out\n", f->dir);
	fclose(s);
	assert_int_equal(chmod(path, 0700), 0);
}

static size_t commands_run(const struct fixture *f)
{
	char path[128];
	size_t lines = 0;
	snprintf(path, sizeof path, "%s/out", f->dir);
	FILE *out = fopen(path, "re");
	for (int c; out != NULL && (c = fgetc(out)) != EOF;)
		lines += c == '\n';
	if (out != NULL)
		fclose(out);
	return lines;
}

static void wait_ms(int64_t ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&pause, NULL);
}

/* ---- the test ---- */

static void each_command_once(void **state)
{
	struct fixture *f = *state;
	struct warner *w;
	struct why why = { .text = "" };
	char command[128], out[128];
	write_script(f, command);
	for (int i = 0; i < TOKENS; i++)
		mint(f, 90 * DAY, 0);
	const struct warn_options opt = { .store = f->s,
					  .iss = ISS,
					  .before = "14d",
					  .webhook = "http://127.0.0.1:1/",
					  .command = command,
					  .retry = 1 };
	ahead_ms = 77 * DAY * 1000;
	expect("starting", warner_start(&opt, &w, &why), MM_OK);
	ahead_ms += 2 * 60 * 1000; /* it believes the clock after a minute */
	for (int i = 0; i < 1000 && commands_run(f) < TOKENS; i++)
		wait_ms(10);
	assert_int_equal(commands_run(f), TOKENS);
	for (int i = 0; i < 2; i++) {
		ahead_ms += 3 * 3600 * 1000;
		wait_ms(2500);
		assert_int_equal(commands_run(f), TOKENS);
	}
	warner_stop(w);
	snprintf(out, sizeof out, "%s/out", f->dir);
	unlink(out);
	unlink(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(each_command_once) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
