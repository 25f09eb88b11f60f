/* test_http_hold.c - how long a connection lasts: kept for the next request,
 * cut when it trickles, held until there is an answer. */
#include <errno.h>

#include "tests/unit/http_client.h"

/* ---- connections ---- */

static void test_keep_alive_and_pipelining(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	for (int i = 0; i < 100; i++) {
		send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
		expect(&c, 200, "hello");
	}
	send_text(c.fd,
		  "GET /a/1 HTTP/1.1\r\n" H END "POST /work HTTP/1.1\r\n" H
		  "Content-Length: 3\r\n" END "two"
		  "GET /nothing HTTP/1.1\r\n" H END
		  "GET /a/4 HTTP/1.1\r\n" H END);
	expect(&c, 200, "1||/a/1");
	expect(&c, 200, "two");
	expect(&c, 404, NULL);
	expect(&c, 200, "4||/a/4");
	close(c.fd);
	finish(&f);
}

static void test_byte_by_byte(void **state)
{
	const char *request =
		"POST /body HTTP/1.1\r\n" H "Content-Length: 5\r\n" END "bytes";
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	for (const char *at = request; *at != '\0'; at++)
		send_text(c.fd, (const char[]){ *at, '\0' });
	expect(&c, 200, "bytes");
	close(c.fd);
	finish(&f);
}

/* A request that is not whole in time is cut, however it trickles; one that
 * is held, or a connection at rest, is not. */
static void test_F17_slow_heads(void **state)
{
	struct fixture f;
	struct client slow, mute, held, resting;
	(void)state;
	prepare(&f);
	f.opt.request_ms = 300;
	start(&f);
	open_client(&mute, &f);
	open_client(&held, &f);
	send_text(held.fd, "GET /hold HTTP/1.1\r\n" H END);
	open_client(&resting, &f);
	send_text(resting.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&resting, 200, "hello");
	open_client(&slow, &f);
	send_text(slow.fd, "GET /hello HTTP/1.1\r\n" H "X: ");
	struct pollfd p = { .fd = slow.fd, .events = POLLIN };
	int drips = 0;
	while (poll(&p, 1, 50) == 0 && drips++ < 100)
		send_text(slow.fd, "x");
	assert_in_range(drips, 3, 40);
	assert_true(closed(&slow));
	assert_true(closed(&mute));

	wait_for(&f.app, &f.app.held_count, 1);
	say(f.app.held[0], "late");
	http_release(f.app.held[0]);
	expect(&held, 200, "late");
	send_text(resting.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&resting, 200, "hello");
	close(slow.fd);
	close(mute.fd);
	close(held.fd);
	close(resting.fd);
	finish(&f);
}

/* The head was whole, in time: no matter. */
static void test_F17_slow_bodies(void **state)
{
	static const struct {
		const char *head, *drip;
	} cases[] = {
		{ "POST /body HTTP/1.1\r\n" H "Content-Length: 60\r\n" END,
		  "x" },
		{ "POST /body HTTP/1.1\r\n" H
		  "Transfer-Encoding: chunked\r\n" END,
		  "1\r\nx\r\n" },
	};
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	f.opt.request_ms = 300;
	start(&f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		open_client(&c, &f);
		send_text(c.fd, cases[i].head);
		struct pollfd p = { .fd = c.fd, .events = POLLIN };
		int drips = 0;
		while (poll(&p, 1, 50) == 0 && drips++ < 59)
			send_text(c.fd, cases[i].drip);
		assert_in_range(drips, 3, 40);
		assert_true(closed(&c));
		close(c.fd);
	}
	finish(&f);
}

/* Who asks and asks, and does not read what comes.  The replies are as long as
 * it takes to fill what is in between before the requests do. */
static void test_F17_slow_readers(void **state)
{
	enum { MOST = 1000 * 1000 };
	static char text[4096];
	const char request[] = "GET /shared HTTP/1.1\r\n" H END;
	const struct timeval limit = { .tv_sec = 20 };
	struct fixture f;
	struct client c;
	int small = 4096, sent = 0;
	time_t began = time(NULL);
	ssize_t n;
	(void)state;
	prepare(&f);
	http_body_drop(f.app.shared);
	f.app.shared = http_body_new("text/plain", span_of(text, sizeof text));
	f.opt.request_ms = 300;
	start(&f);
	open_client(&c, &f);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	do
		n = send(c.fd, request, sizeof request - 1, MSG_NOSIGNAL);
	while (n > 0 && ++sent < MOST);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_in_range(sent, 100, MOST - 1);
	assert_in_range(time(NULL) - began, 0, 20); /* not the library's 60 */
	close(c.fd);
	finish(&f);
}

/* ---- holding ---- */

static void test_hold_and_release(void **state)
{
	static const char *const requests[] = {
		"GET /hold HTTP/1.1\r\n" H END,
		"GET /hold-work HTTP/1.1\r\n" H END,
	};
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	for (size_t i = 0; i < 50; i++) {
		send_text(c.fd, requests[i % 2]);
		wait_for(&f.app, &f.app.held_count, 1);
		release_from_another_thread(&f.app);
		expect(&c, 200, "shared!");
	}
	/* released without a reply: an error, but never silence */
	send_text(c.fd, requests[0]);
	wait_for(&f.app, &f.app.held_count, 1);
	f.app.held_count = 0;
	http_release(f.app.held[0]);
	expect(&c, 503, NULL);
	close(c.fd);
	finish(&f);
}

static void test_F22_thousand_held_then_stop(void **state)
{
	enum { N = 1000 };
	static int fds[N];
	struct fixture f;
	struct client c = { .fd = -1 };
	(void)state;
	prepare(&f);
	start(&f);
	for (size_t i = 0; i < N; i++) {
		fds[i] = dial(http_port(f.server));
		send_text(fds[i], i % 2 ? "GET /hold HTTP/1.1\r\n" H END
					: "GET /hold-work HTTP/1.1\r\n" H END);
		if (i % 100 == 99) /* no more than the queue takes */
			wait_for(&f.app, &f.app.held_count, i + 1);
	}
	http_quiesce(f.server);
	release_from_another_thread(&f.app);
	finish(&f);
	for (size_t i = 0; i < N; i++) {
		c.fd = fds[i];
		c.len = 0;
		expect(&c, 200, "shared!");
		assert_true(closed(&c));
		close(c.fd);
	}
}

/* A sanitizer keeps more of each piece of memory. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* Resident memory of this process. */
static size_t resident_bytes(void)
{
	size_t all = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &all, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Over connections that have had an answer before, as those of agents. */
static void test_a_held_request_is_small(void **state)
{
	enum { N = 1000, MOST = 8 * 1024 };
	static int fds[N];
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	size_t before = resident_bytes();
	for (size_t i = 0; i < N; i++) {
		open_client(&c, &f);
		send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
		expect(&c, 200, "hello");
		send_text(c.fd, "GET /hold-crowd HTTP/1.1\r\n" H END);
		fds[i] = c.fd;
	}
	wait_for(&f.app, &f.app.held_count, N);
	size_t after = resident_bytes();
	if (after > before + N * MOST)
		fail_msg("%zu bytes each", (after - before) / N);
	release_from_another_thread(&f.app);
	for (size_t i = 0; i < N; i++)
		close(fds[i]);
	finish(&f);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_alive_and_pipelining),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_F17_slow_heads),
		cmocka_unit_test(test_F17_slow_bodies),
		cmocka_unit_test(test_F17_slow_readers),
		cmocka_unit_test(test_hold_and_release),
		cmocka_unit_test(test_F22_thousand_held_then_stop),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(test_a_held_request_is_small),
#endif
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
