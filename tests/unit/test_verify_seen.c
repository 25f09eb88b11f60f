/* Step 4: each token that is verified is told of once an hour, whatever its
 * kind, however many there are. */
#include <sys/socket.h>

#include "tests/unit/verify_desk.h"

#define HOUR  (T0 - 800 + SEEN_GRAIN) /* a full one, T0 + 2800 */
#define MANY  (3 * USE_RECENT)
#define QUEUE 2 /* drained so often: a socket holds few */

static int listen_for_uses(const struct desk *d)
{
	struct sockaddr_un to;
	assert_true(use_address(d->m.path, &to));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static bool heard(int fd, struct use_datagram *d)
{
	return use_datagram_read(d, recv(fd, d, sizeof *d, 0));
}

static size_t drain(int fd)
{
	struct use_datagram u;
	size_t n = 0;
	while (heard(fd, &u))
		n++;
	return n;
}

static enum mm_err verify(struct desk *d, struct span t)
{
	struct mm_token out;
	return mm_verify(d->v, (const char *)t.at, t.len, &out);
}

static void test_what_is_told(void **state)
{
	(void)state;
	AUTO_BUF struct buf b;
	struct desk d;
	struct use_datagram u;
	desk_begin(&d, (struct mm_options){ .door = "my photos" });
	int fd = listen_for_uses(&d);
	struct span t = token_make(&d.m, (struct says){ .idx = 7 }, &b);
	d.now = HOUR + 5;
	const struct mm_client client = { .address = "2001:db8::7" };
	struct mm_token out;
	assert_ok(mm_verify_client(d.v, &client, (const char *)t.at, t.len,
				   &out));
	assert_true(heard(fd, &u));
	assert_string_equal(u.from, "2001:db8::7");
	assert_int_equal(u.list, FIXED);
	assert_int_equal(u.idx, 7);
	assert_int_equal(u.used_at, HOUR + 5);
	assert_int_equal(u.iat, T0);
	assert_int_equal(u.exp, T0 + 30 * DAY);
	assert_int_equal(u.auto_refresh, 0);
	assert_string_equal(u.door, "my_photos");
	close(fd);
	desk_end(&d);
}

/* More tokens than `recent` holds, each time and again. */
static void once_an_hour(size_t count, struct mm_options opt)
{
	struct desk d;
	struct buf b[MANY];
	struct span t[MANY];
	desk_begin(&d, opt);
	int fd = listen_for_uses(&d);
	for (uint32_t i = 0; i < count; i++)
		t[i] = token_make(&d.m, (struct says){ .idx = i }, &b[i]);
	for (int64_t hour = 0; hour < 2; hour++) {
		size_t told = 0;
		for (int round = 0; round < 4; round++) {
			d.now = HOUR + hour * SEEN_GRAIN + round * 1199;
			for (size_t i = 0; i < count; i++) {
				assert_ok(verify(&d, t[i]));
				told += i % QUEUE ? 0 : drain(fd);
			}
			told += drain(fd);
			assert_int_equal(told, count);
		}
	}
	for (size_t i = 0; i < count; i++)
		buf_free(&b[i]);
	close(fd);
	desk_end(&d);
}

static void test_once_an_hour(void **state)
{
	(void)state;
	once_an_hour(MANY, (struct mm_options){ 0 });
	once_an_hour(8, (struct mm_options){ .flags = MM_NO_CACHE });
}

/* It lives by its use and is seen: one datagram for both, and in an hour in
 * which it does not need one, one to be seen. */
static void test_both(void **state)
{
	(void)state;
	AUTO_BUF struct buf b;
	struct desk d;
	desk_begin(&d, (struct mm_options){ 0 });
	int fd = listen_for_uses(&d);
	struct span t = token_make(
		&d.m,
		(struct says){ .list = SLIDE, .idx = 1, .window = 20 * DAY },
		&b);
	d.now = HOUR + 2000; /* over an hour after iat: news, and seen */
	assert_ok(verify(&d, t));
	assert_int_equal(drain(fd), 1);
	assert_ok(state_raise_use(&d.w, SLIDE, 1, d.now));
	d.now++;
	assert_ok(verify(&d, t));
	assert_int_equal(drain(fd), 0);
	d.now = HOUR + SEEN_GRAIN; /* no news yet */
	assert_ok(verify(&d, t));
	assert_int_equal(drain(fd), 1);
	d.now++;
	assert_ok(verify(&d, t));
	assert_int_equal(drain(fd), 0);
	close(fd);
	desk_end(&d);
}

/* Somebody has told the agent of each second with other numbers, which the
 * state file shows, and which the issuer may never hear of: a process tells of
 * the use that it sees none the less, 64 times in a window. */
static void test_A23_others_do_not_silence_it(void **state)
{
	(void)state;
	AUTO_BUF struct buf b;
	struct desk d;
	desk_begin(&d, (struct mm_options){ 0 });
	int fd = listen_for_uses(&d);
	struct span t = token_make(
		&d.m, (struct says){ .list = SLIDE, .idx = 1, .window = 640 },
		&b);
	size_t told = 0;
	for (d.now = T0 + 10; d.now < T0 + 650; d.now++) {
		assert_ok(state_raise_use(&d.w, SLIDE, 1, d.now));
		assert_ok(verify(&d, t));
		told += drain(fd);
	}
	assert_in_range(told, 64, 65);
	close(fd);
	desk_end(&d);
}

static void test_silent(void **state)
{
	(void)state;
	AUTO_BUF struct buf a, b, c;
	struct desk d;
	desk_begin(&d, (struct mm_options){ .flags = MM_NO_USE });
	int fd = listen_for_uses(&d);
	struct span fixed = token_make(&d.m, (struct says){ .idx = 1 }, &a);
	struct span revoked = token_make(&d.m, (struct says){ .idx = 2 }, &b);
	struct span access = token_make(&d.m,
					(struct says){ .typ = TYP_ACCESS,
						       .own = ".k3_Z",
						       .client = "1.3",
						       .idx = 3,
						       .aud = "\"files\"" },
					&c);
	assert_ok(verify(&d, fixed)); /* looking is not using */
	assert_int_equal(drain(fd), 0);
	mm_close(d.v);

	desk_open(&d, (struct mm_options){ .audience = "files",
					   .flags = MM_ACCESS_TOKENS });
	assert_ok(state_put_status(&d.w, FIXED, 2, STATUS_REVOKED));
	assert_err(verify(&d, revoked), MM_ERR_REVOKED);
	assert_ok(verify(&d, access)); /* the exchange was the use */
	assert_int_equal(drain(fd), 0);
	assert_ok(verify(&d, fixed));
	assert_int_equal(drain(fd), 1);
	close(fd);
	desk_end(&d);
}

/* An agent that has no time is told a second later, and one that is not there
 * is asked for once in an hour. */
static void test_no_room(void **state)
{
	(void)state;
	AUTO_BUF struct buf b;
	struct desk d;
	desk_begin(&d, (struct mm_options){ .audience = "files" });
	struct span t = token_make(&d.m, (struct says){ .idx = 1 }, &b);
	int fd = listen_for_uses(&d), full = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un to;
	assert_true(use_address(d.m.path, &to));
	while (sendto(full, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to,
		      sizeof to) == 1) {}
	assert_ok(verify(&d, t));
	char one;
	while (recv(fd, &one, 1, 0) == 1)
		assert_int_equal(one, 'x');
	assert_ok(verify(&d, t)); /* in the same second */
	assert_int_equal(drain(fd), 0);
	d.now++;
	assert_ok(verify(&d, t));
	struct use_datagram u;
	assert_true(heard(fd, &u));
	assert_string_equal(u.door, "files"); /* for want of another name */
	assert_string_equal(u.from, "");
	close(full);
	close(fd);

	unlink(to.sun_path);
	d.now = HOUR;
	assert_ok(verify(&d, t));
	fd = listen_for_uses(&d);
	d.now += 100;
	assert_ok(verify(&d, t));
	assert_int_equal(drain(fd), 0);
	close(fd);
	desk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_once_an_hour),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_A23_others_do_not_silence_it),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
