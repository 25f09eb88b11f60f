/* test_hook.c - a program is run for a line of text, with nothing else, and
 * not for ever. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "issuer/hook.h"
#include "tests/unit/unit.h"

static char folder[64], script[96], out[104];

/* The steady clock, and by how much it is ahead here. */
static int64_t ahead;
int64_t __real_clock_ms(void);
int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_ms(void)
{
	return __real_clock_ms() + ahead;
}

/* What it writes goes to $0.out. */
static void write_script(const char *body)
{
	FILE *f = fopen(script, "we");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(script, 0700), 0);
	unlink(out);
}

static void read_out(char text[4096])
{
	FILE *f = fopen(out, "re");
	size_t n = f ? fread(text, 1, 4095, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
}

static bool goes_on(void *ctx, int64_t ms)
{
	const struct timespec pause = { 0, ms * 1000000 };
	(void)ctx;
	nanosleep(&pause, NULL);
	return false;
}

static enum mm_err run(const char *body, const char *line, struct why *why)
{
	write_script(body);
	why->text[0] = '\0';
	return hook_run(script, span_str(line), goes_on, NULL, why);
}

static void gets_the_line_and_nothing_else(void **state)
{
	char text[4096];
	struct why why;
	(void)state;
	assert_int_equal(setenv("MINTMARK_SECRET", "s3cret", 1), 0);
	int open_file = open("/dev/null", O_RDONLY); /* not close-on-exec */
	assert_true(open_file > 2);
	expect("env",
	       run("{ cat; echo $#; env; ls /proc/$$/fd; } >$0.out",
		   "{\"a\":1}\n", &why),
	       MM_OK);
	close(open_file);
	read_out(text);
	assert_non_null(strstr(text, "{\"a\":1}\n0\n"));
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "PATH=/usr/local/sbin"));
	char number[16];
	snprintf(number, sizeof number, "\n%d\n", open_file);
	assert_null(strstr(text, number));
}

static void says_how_it_ended(void **state)
{
	struct why why;
	(void)state;
	expect("good", run("exit 0", "x", &why), MM_OK);
	expect("no", run("exit 7", "x", &why), MM_ERR_CONFLICT);
	assert_string_equal(why.text, "the command ended with 7");
	expect("killed", run("kill -9 $$", "x", &why), MM_ERR_UNAVAILABLE);
	expect("unread", run("exec <&-", "x", &why), MM_OK);
	unlink(script);
	expect("away", hook_run(script, span_str("x"), goes_on, NULL, &why),
	       MM_ERR_UNAVAILABLE);
}

/* The pid that the script has noted, when it has. */
static pid_t noted(void)
{
	char text[4096];
	for (int i = 0; i < 1000; i++) {
		read_out(text);
		if (strchr(text, '\n') != NULL)
			return (pid_t)strtol(text, NULL, 10);
		goes_on(NULL, 10);
	}
	fail_msg("nothing was noted");
	return 0;
}

static bool ends(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	for (int i = 0; i < 500; i++) {
		char text[256] = "";
		FILE *f = fopen(path, "re");
		bool gone = f == NULL || fgets(text, 256, f) == NULL ||
			    strstr(text, ") Z ") != NULL;
		if (f)
			fclose(f);
		if (gone)
			return true;
		goes_on(NULL, 10);
	}
	return false;
}

#define WITH_CHILD "sleep 1000 & echo $! >$0.out; wait"

static bool time_goes(void *ctx, int64_t ms)
{
	noted();
	ahead += 10000;
	return goes_on(ctx, ms);
}

static bool stops(void *ctx, int64_t ms)
{
	(void)ctx;
	(void)ms;
	noted();
	return true;
}

static void ends_with_all_that_it_started(void **state)
{
	struct why why = { .text = "" };
	(void)state;
	write_script(WITH_CHILD);
	expect("too long",
	       hook_run(script, span_str("x"), time_goes, NULL, &why),
	       MM_ERR_UNAVAILABLE);
	assert_true(ahead >= HOOK_SECONDS * 1000);
	assert_non_null(strstr(why.text, "its time is over"));
	assert_true(ends(noted()));

	write_script(WITH_CHILD);
	expect("stopping", hook_run(script, span_str("x"), stops, NULL, &why),
	       MM_ERR_UNAVAILABLE);
	assert_true(ends(noted()));
}

static void which_programs_it_takes(void **state)
{
	struct why why;
	(void)state;
	write_script("exit 0");
	expect("good", hook_check(script, &why), MM_OK);
	expect("relative", hook_check("cat", &why), MM_ERR_INVALID);
	expect("arguments", hook_check("/bin/cat -", &why), MM_ERR_INVALID);
	expect("a folder", hook_check("/bin", &why), MM_ERR_INVALID);
	assert_int_equal(chmod(script, 0720), 0);
	expect("others'", hook_check(script, &why), MM_ERR_INVALID);
	assert_int_equal(chmod(script, 0600), 0);
	expect("no program", hook_check(script, &why), MM_ERR_INVALID);
}

static void who_could_change_it(void **state)
{
	struct why why;
	char link[112];
	(void)state;
	write_script("exit 0");
	assert_int_equal(chmod(folder, 0770), 0);
	expect("others' folder", hook_check(script, &why), MM_ERR_INVALID);
	assert_non_null(strstr(why.text, "mintmark-hook-"));
	assert_null(strstr(why.text, "/script"));
	snprintf(link, sizeof link, "/tmp/mintmark-hook-link-%d", getpid());
	assert_int_equal(symlink(script, link), 0);
	expect("a link into it", hook_check(link, &why), MM_ERR_INVALID);
	assert_int_equal(chmod(folder, 01777), 0);
	expect("nobody can move it", hook_check(link, &why), MM_OK);
	unlink(link);
	assert_int_equal(chmod(folder, 0700), 0);
	if (geteuid() != 0)
		return; /* who else cannot give files away */
	assert_int_equal(chown(script, 1, 0), 0);
	expect("another's", hook_check(script, &why), MM_ERR_INVALID);
	assert_int_equal(chown(script, 0, 0), 0);
	assert_int_equal(chown(folder, 1, 0), 0);
	expect("another's folder", hook_check(script, &why), MM_ERR_INVALID);
	assert_int_equal(chown(folder, 0, 0), 0);
	expect("good", hook_check(script, &why), MM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_the_line_and_nothing_else),
		cmocka_unit_test(says_how_it_ended),
		cmocka_unit_test(ends_with_all_that_it_started),
		cmocka_unit_test(which_programs_it_takes),
		cmocka_unit_test(who_could_change_it),
	};
	const char *tmp = getenv("TMPDIR");
	snprintf(folder, sizeof folder, "%.40s/mintmark-hook-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(script, sizeof script, "%s/script", folder);
	snprintf(out, sizeof out, "%s.out", script);
	int failures = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(script);
	unlink(out);
	rmdir(folder);
	return failures;
}
