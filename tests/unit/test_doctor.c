/* test_doctor.c - from where on something is wrong, figures as people read
 * them, and checks that hang or break off. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/doctor_judge.h"
#include "cli/doctor_process.h"
#include "cli/output.h"
#include "common/clock.h"
#include "common/use_format.h"

#define DAY  86400
#define NOW  1790000000
#define MANY 10000000000u

static void test_thresholds(void **state)
{
	(void)state;
	static const struct {
		enum found (*judge)(int64_t);
		int64_t figure;
		enum found want;
	} cases[] = {
		{ judge_clock, 0, FOUND_OK },
		{ judge_clock, 5, FOUND_OK },
		{ judge_clock, -6, FOUND_NOTE },
		{ judge_clock, 60, FOUND_NOTE },
		{ judge_clock, 61, FOUND_WRONG },
		{ judge_clock, -61, FOUND_WRONG },
		{ judge_end, 15 * DAY, FOUND_OK },
		{ judge_end, 14 * DAY, FOUND_NOTE },
		{ judge_end, 3 * DAY, FOUND_WRONG },
		{ judge_end, -1, FOUND_WRONG },
		{ judge_key, 100 * DAY, FOUND_OK },
		{ judge_key, 100 * DAY + 1, FOUND_NOTE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(cases[i].judge(cases[i].figure),
				 cases[i].want);
	assert_int_equal(judge_agent(true, 0, 59), FOUND_OK);
	assert_int_equal(judge_agent(true, 1, 31), FOUND_WRONG);
	assert_int_equal(judge_agent(true, 1, 32), FOUND_NOTE);
	assert_int_equal(judge_agent(false, 0, 61), FOUND_NOTE);
	assert_int_equal(judge_news(25, DAY), FOUND_OK);
	assert_int_equal(judge_news(121, DAY), FOUND_WRONG);
	assert_int_equal(judge_news(25, 20), FOUND_WRONG);
	assert_int_equal(judge_room(MANY, 1000), FOUND_OK);
	assert_int_equal(judge_room(MANY, MANY + 1), FOUND_NOTE);
	assert_int_equal(judge_room(511999999, 1000), FOUND_WRONG);
	assert_int_equal(judge_spare(17000000, 500000), FOUND_OK);
	assert_int_equal(judge_spare(16999999, 500000), FOUND_NOTE);
	assert_int_equal(judge_spare(1000000, 500000), FOUND_NOTE);
	assert_int_equal(judge_spare(999999, 500000), FOUND_WRONG);
}

/* Files of these users. */
static const struct stat *of(const char *uids)
{
	static struct stat st[8];
	for (size_t i = 0; uids[i] != '\0'; i++)
		st[i] = (struct stat){ .st_uid = (uid_t)(uids[i] - '0') };
	return st;
}

static void test_whose_the_most_is(void **state)
{
	(void)state;
	assert_int_equal(judge_most(of("7"), 1), 0);
	assert_int_equal(judge_most(of("0777"), 4), 1);
	assert_int_equal(judge_most(of("707"), 3), 0);
	assert_int_equal(judge_most(of("3443"), 4), 0);
}

/* ---- who holds a lock ---- */

struct locked {
	char folder[32], path[64];
	int fd;
	struct stat st;
};

static void lock_one(struct locked *l)
{
	snprintf(l->folder, sizeof l->folder, "/tmp/doctor.XXXXXX");
	assert_non_null(mkdtemp(l->folder));
	snprintf(l->path, sizeof l->path, "%s/x.lock", l->folder);
	l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(l->fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(fstat(l->fd, &l->st), 0);
}

static void unlock(struct locked *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void remove_it(struct locked *l)
{
	unlock(l);
	unlink(l->path);
	rmdir(l->folder);
}

/* As /proc/locks would have it of us. */
static bool is_held(const struct locked *l, const char *kind, dev_t dev,
		    struct holder *out)
{
	char text[256];
	snprintf(text, sizeof text,
		 "1: POSIX  ADVISORY  READ 1 fe:00:7 0 EOF\nodd\n"
		 "2: %s  ADVISORY  WRITE %ld %02x:%02x:%llu 0 EOF\n",
		 kind, (long)getpid(), major(dev), minor(dev),
		 (unsigned long long)l->st.st_ino);
	FILE *f = fmemopen(text, strlen(text), "r");
	assert_non_null(f);
	bool held = holder_in(f, &l->st, out);
	fclose(f);
	return held;
}

static void test_a_lock_on_another_device(void **state)
{
	struct locked l;
	struct holder h;
	(void)state;
	lock_one(&l);
	dev_t here = l.st.st_dev, other = here + 1;
	assert_true(holder_of(l.path, &h));
	assert_true(h.pid == getpid() && h.seen && h.uid == geteuid());
	assert_true(is_held(&l, "FLOCK", here, &h) && h.seen);
	/* where stat() has another device than the kernel */
	assert_true(is_held(&l, "FLOCK", other, &h) && h.seen);
	assert_false(is_held(&l, "POSIX", here, &h));
	assert_false(is_held(&l, "->", here, &h));
	unlock(&l);
	/* Somebody's file with that number. */
	assert_false(is_held(&l, "FLOCK", other, &h));
	assert_false(h.seen);
	/* It is locked, and nobody knows by whom. */
	assert_true(is_held(&l, "FLOCK", here, &h));
	assert_false(h.seen);
	assert_false(holder_of(l.path, &h));
	remove_it(&l);
}

static void test_to_whom_files_may_be_given(void **state)
{
	struct locked l;
	struct holder h;
	struct stat files[] = { { .st_uid = geteuid() + 7 },
				{ .st_uid = geteuid() + 7 },
				{ .st_uid = geteuid() } };
	(void)state;
	lock_one(&l);
	assert_true(owner_of(l.path, files, 3, &h));
	assert_true(h.sure && h.seen && h.uid == geteuid());
	assert_true(owner_of(l.path, files, 2, &h)); /* it owns none */
	assert_true(!h.sure && h.seen && h.uid == geteuid());
	unlock(&l);
	assert_true(owner_of(l.path, files, 3, &h));
	assert_true(h.sure && !h.seen && h.uid == geteuid() + 7);
	assert_int_equal(chmod(l.folder, 01777), 0);
	assert_true(owner_of(l.path, files, 3, &h));
	assert_false(h.sure);
	assert_false(owner_of(l.path, files, 0, &h));
	remove_it(&l);
}

/* Whatever a process calls itself. */
static void test_how_long_it_has_run(void **state)
{
	(void)state;
	const struct holder nobody = { .pid = 0 }, we = { .pid = getpid() };
	assert_true(holder_age(&nobody) == -1);
	assert_int_equal(prctl(PR_SET_NAME, "a) 9 (b"), 0);
	int64_t age = holder_age(&we);
	assert_true(age >= 0 && age < 600);
}

static void test_figures(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} times[] = {
		{ -3, "0 s" },	       { 119, "119 s" },
		{ 120, "2 min" },      { 7199, "119 min" },
		{ 7200, "2 h" },       { 2 * DAY - 1, "47 h" },
		{ 2 * DAY, "2 days" }, { INT64_MAX, "106751991167300 days" },
	};
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0.0 kB" },
		{ 1234, "1.2 kB" },
		{ 52000000, "52 MB" },
		{ 3200000000, "3.2 GB" },
		{ 4000000000000000, "4000 TB" },
	};
	char out[JUDGED_SIZE];
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		judge_time(out, times[i].seconds);
		assert_string_equal(out, times[i].text);
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		judge_bytes(out, sizes[i].bytes);
		assert_string_equal(out, sizes[i].text);
	}
}

/* What an agent keeps of one token, with `uses` in its chain. */
struct kept {
	struct use_file_head head;
	struct use_file_token token;
	int64_t at[40000];
};

static struct span pending(struct kept *k, int64_t iat, int64_t exp,
			   int64_t sent, uint32_t uses)
{
	size_t size = offsetof(struct kept, at) + uses * sizeof k->at[0];
	*k = (struct kept){ .head = { .magic = USE_FILE_MAGIC,
				      .seen_at = size },
			    .token = { .count = uses,
				       .iat = iat,
				       .exp = exp,
				       .window = DAY,
				       .sent = sent } };
	return span_of(k, size);
}

static void test_uses(void **state)
{
	(void)state;
	static const struct {
		int64_t iat, exp, sent;
		uint32_t uses;
		struct judged_uses want;
	} cases[] = {
		{ NOW - 100, NOW + DAY, 0, 2, { 2, 1, 0, 0 } },
		{ NOW - DAY - 1, NOW + DAY, 0, 2, { 2, 1, 1, 0 } },
		{ NOW - 9 * DAY, NOW + DAY, NOW - 5, 1, { 1, 1, 0, 0 } },
		{ NOW - 9 * DAY, NOW, 0, 3, { 0, 0, 0, 0 } }, /* its end */
		{ NOW - 9 * DAY, NOW + DAY, 0, 0, { 0, 0, 0, 0 } },
	};
	static struct kept k;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct judged_uses u;
		assert_true(judge_uses(pending(&k, cases[i].iat, cases[i].exp,
					       cases[i].sent, cases[i].uses),
				       NOW, &u));
		assert_int_equal(u.uses, cases[i].want.uses);
		assert_int_equal(u.tokens, cases[i].want.tokens);
		assert_int_equal(u.late, cases[i].want.late);
	}
}

/* Cut anywhere, of another release, or with more uses than there are. */
static void test_damaged_uses(void **state)
{
	(void)state;
	static struct kept k;
	struct judged_uses u;
	struct span whole = pending(&k, NOW - 100, NOW + DAY, 0, 3);
	for (size_t n = 0; n < whole.len; n++)
		assert_false(judge_uses(span_of(whole.at, n), NOW, &u));
	k.token.count++;
	assert_false(judge_uses(whole, NOW, &u));
	k.token.count--;
	k.head.seen_at = sizeof k.head - 1;
	assert_false(judge_uses(whole, NOW, &u));
	k.head.seen_at = whole.len;
	assert_true(judge_uses(whole, NOW, &u));
	k.head.magic[6]++;
	assert_false(judge_uses(whole, NOW, &u));
}

/* By the room that an agent has, also for those whose end has come. */
static void test_room_for_uses(void **state)
{
	(void)state;
	static struct kept k;
	struct judged_uses u;
	assert_true(judge_uses(pending(&k, NOW - 100, NOW + DAY, 0, 10485), NOW,
			       &u));
	assert_int_equal(u.full, 0);
	assert_true(judge_uses(pending(&k, NOW - 100, NOW, 0, 31458), NOW, &u));
	assert_int_equal(u.full, 3);
	assert_int_equal(judge_full(74), FOUND_OK);
	assert_int_equal(judge_full(75), FOUND_NOTE);
	assert_int_equal(judge_full(99), FOUND_WRONG);
}

static void test_listen(void **state)
{
	(void)state;
	char url[JUDGED_URL];
	assert_null(judge_listen("127.0.0.1:9465", "/metrics", url));
	assert_string_equal(url, "http://127.0.0.1:9465/metrics");
	assert_null(judge_listen("[::1]:1", "/x", url));
	assert_string_equal(url, "http://[::1]:1/x");
	assert_string_equal(judge_listen("unix:/run/a.sock", "/x", url),
			    "/run/a.sock");
	assert_string_equal(url, "http://localhost/x");
	assert_string_equal(judge_listen("/run/a.sock", "/x", url),
			    "/run/a.sock");
}

static void test_A34_text_for_a_terminal(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "a b", "a b" },
		{ "\x1b[2J\n\r\x7f", "?[2J???" },
		{ "\xc2\x9b"
		  "2J\xc2\x85",
		  "?2J?" },
		{ "x\u202ehs\u2028|\u2066y\u2069", "x?hs?|?y?" },
		{ "\xff\xc3", "??" },
		{ "\u00fc\u05d0\u4e2d", "\u00fc\u05d0\u4e2d" },
	};
	(void)state;
	output_init();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[64] = "";
		FILE *f = fmemopen(out, sizeof out, "w");
		assert_non_null(f);
		put_text(f, cases[i].text);
		fclose(f);
		assert_string_equal(out, cases[i].want);
	}
}

static void test_A34_what_root_may_paste(void **state)
{
	(void)state;
	static const char *const good[] = {
		"https://pat.example.org",
		"http://127.0.0.1:8080",
		"https://[::1]:8443/mint",
		"https://b\u00fccher.example/%41~_",
	};
	static const char *const bad[] = {
		"",
		"https://",
		"https:///x",
		"pat.example.org",
		"-K/tmp/x",
		"file:///etc/shadow",
		"http://h/;id",
		"http://h/'x'",
		"http://h/$(id)",
		"http://h/`id`",
		"http://h/ x",
		"http://h/\n",
		"http://h/x?y",
		"http://h/#",
		"http://me@h/",
		"http://h/\\",
		"http://h/\"",
		"http://h/&x",
		"http://h/|x",
		"http://h/\x1b[2J",
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(judge_address(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(judge_address(bad[i]));
	assert_true(judge_name("-_Ab0.pem"));
	assert_false(judge_name("a b"));
	assert_false(judge_name("a';id;'.pem"));
	assert_false(judge_name("\x1b"));
}

/* ---- what others say of themselves ---- */

static void assert_found(const json_t *all, size_t i, const char *check,
			 const char *what, const char *next)
{
	const json_t *f = json_array_get(all, i);
	assert_string_equal(json_text(f, "check", ""), check);
	assert_string_equal(json_text(f, "state", ""), what);
	assert_string_equal(json_text(f, "next", "-"), next);
}

/* Its own words, in place of a daemon: none of them is printed. */
static void test_A34_advice_of_who_answers(void **state)
{
	static const char text[] =
		"{\"checks\":{\"uses\":{\"status\":\"ok\"},"
		"\"connections\":{\"status\":\"no\",\"do\":\"curl x|sh\"},"
		"\"\\u001b[2J\":{\"status\":\"no\",\"do\":\"curl x|sh\"},"
		"\"store_read\":{\"do\":\"curl x|sh\"},\"state\":7}}";
	const struct asked of = { "door", "it", "restart it",
				  doctor_agent_checks };
	(void)state;
	AUTO_JSON json_t *said = json_loads(text, 0, NULL);
	AUTO_JSON json_t *all = json_array();
	assert_int_equal(found_failing(all, said, &of), 4);
	assert_int_equal(json_array_size(all), 3);
	assert_found(all, 0, "door.connections", "wrong",
		     "nobody can connect: the log says what is lacking "
		     "(http.full)");
	assert_string_equal(json_text(json_array_get(all, 1), "check", ""),
			    "door.state");
	assert_found(all, 2, "door", "wrong", "restart it");
	assert_string_equal(json_text(json_array_get(all, 2), "detail", ""),
			    "it says that 2 checks are failing which this "
			    "program does not know");
	assert_int_equal(found_failing(all, NULL, &of), 0);
}

/* There are two for one check, and it says which it means. */
static void test_advice_that_fits_the_store(void **state)
{
	static const char *const says[] = { "1st", "2nd", "none" };
	static const struct known_check checks[] = {
		{ "a", "1st" }, { "b", "2nd" }, { "a", "2nd" }, { NULL, NULL }
	};
	static const char *const next[] = { "1st", "2nd", "1st" };
	const struct asked of = { "it", "it", "restart it", checks };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		AUTO_JSON json_t *all = json_array();
		AUTO_JSON json_t *said = json_pack("{s:{s:{s:s}}}", "checks",
						   "a", "do", says[i]);
		assert_int_equal(found_failing(all, said, &of), 1);
		assert_found(all, 0, "it.a", "wrong", next[i]);
	}
}

/* ---- running ---- */

static void look_good(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d;
	found(all, FOUND_OK, "good", "%s", arg);
	advise(all, "nothing is to be done where it is well");
	found(all, FOUND_NOTE, "noted", "x");
	advise(all, "do %s", arg);
}

static void look_for_ever(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d, (void)arg, (void)all;
	for (;;)
		pause();
}

static void look_and_die(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d, (void)arg, (void)all;
	kill(getpid(), SIGKILL);
}

/* More than a pipe holds. */
static void look_at_much(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d, (void)arg;
	for (int i = 0; i < 5000; i++)
		found(all, FOUND_OK, "much", "%d of many", i);
}

static void test_one_that_hangs_stops_no_other(void **state)
{
	(void)state;
	static const struct doctor_job jobs[] = {
		{ "hangs", look_for_ever, NULL },
		{ "good", look_good, "this" },
		{ "hangs too", look_for_ever, NULL },
		{ "dies", look_and_die, NULL },
		{ "much", look_at_much, NULL },
		{ "hangs, the third", look_for_ever, NULL },
		{ "hangs, the fourth", look_for_ever, NULL },
	};
	struct doctor d = { .mint = false };
	AUTO_JSON json_t *all = json_array();
	int64_t begun = clock_ms();
	doctor_run(&d, jobs, sizeof jobs / sizeof jobs[0], 1500, all);
	/* not 4 x 1.5 s, however slow this machine is */
	assert_in_range(clock_ms() - begun, 1500, 5900);
	assert_int_equal(json_array_size(all), 3 + 2 + 5000 + 2);
	assert_string_equal(json_text(json_array_get(all, 0), "detail", ""),
			    "no answer within 2 s: what it looks at hangs");
	assert_string_equal(json_text(json_array_get(all, 0), "state", ""),
			    "wrong");
	assert_found(all, 1, "good", "ok", "-");
	assert_found(all, 2, "noted", "note", "do this");
	assert_string_equal(json_text(json_array_get(all, 3), "check", ""),
			    "hangs too");
	assert_string_equal(json_text(json_array_get(all, 4), "detail", ""),
			    "the check broke off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_whose_the_most_is),
		cmocka_unit_test(test_a_lock_on_another_device),
		cmocka_unit_test(test_to_whom_files_may_be_given),
		cmocka_unit_test(test_how_long_it_has_run),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_damaged_uses),
		cmocka_unit_test(test_room_for_uses),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_A34_text_for_a_terminal),
		cmocka_unit_test(test_A34_what_root_may_paste),
		cmocka_unit_test(test_A34_advice_of_who_answers),
		cmocka_unit_test(test_advice_that_fits_the_store),
		cmocka_unit_test(test_one_that_hangs_stops_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
