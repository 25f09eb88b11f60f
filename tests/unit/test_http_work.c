/* test_http_work.c - more requests than can be served at once, and that
 * stopping never loses a reply. */
#include "tests/unit/http_client.h"

static void *stop(void *server)
{
	http_stop(server);
	return NULL;
}

static void test_F22_stop_with_work_in_flight(void **state)
{
	struct fixture f;
	struct client running, queued;
	pthread_t t;
	(void)state;
	prepare(&f);
	f.opt.workers = 1;
	start(&f);
	open_client(&running, &f);
	send_text(running.fd, "GET /block HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1);
	open_client(&queued, &f);
	send_text(queued.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&queued, 200, "hello"); /* so the next is not left behind */
	send_text(queued.fd, "POST /work HTTP/1.1\r\n" H
			     "Content-Length: 3\r\n" END "abc");
	assert_int_equal(pthread_create(&t, NULL, stop, f.server), 0);
	let_go(&f.app);
	pthread_join(t, NULL);
	f.server = NULL;
	expect(&running, 200, "done");
	struct reply r; /* whichever came first, the stop or the request */
	if (next_reply(&queued, &r, false))
		assert_true(r.status == 200 || r.status == 503);
	close(running.fd);
	close(queued.fd);
	finish(&f);
}

enum { IN_WORK = 1, QUEUED = 256, TOO_MANY = 8 };
enum { CALLERS = IN_WORK + QUEUED + TOO_MANY };

/* Wait until n of them have something to read. */
static void wait_readable(struct pollfd callers[static CALLERS], int n)
{
	int ready = 0;
	while ((ready = poll(callers, CALLERS, 20000)) < n && ready > 0)
		continue;
	assert_int_equal(ready, n);
}

static void test_F19_queue_is_bounded(void **state)
{
	static struct pollfd callers[CALLERS];
	struct fixture f;
	struct reply r;
	(void)state;
	prepare(&f);
	f.opt.workers = IN_WORK;
	start(&f);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i].fd = dial(http_port(f.server));
		callers[i].events = POLLIN;
		send_text(callers[i].fd, "GET /block HTTP/1.1\r\n" H END);
		if (i == 0)
			wait_for(&f.app, &f.app.blocked, IN_WORK);
	}
	wait_readable(callers, TOO_MANY);
	for (size_t i = 0; i < CALLERS; i++) {
		struct client c = { .fd = callers[i].fd };
		if (callers[i].revents == 0)
			continue;
		assert_true(next_reply(&c, &r, false));
		assert_int_equal(r.status, 503);
		assert_non_null(strstr(r.head, "Retry-After: 1\r\n"));
		assert_non_null(strstr(r.body, "\"reason\":\"busy\""));
	}
	let_go(&f.app);
	for (size_t i = 0; i < CALLERS; i++) {
		struct client c = { .fd = callers[i].fd };
		if (callers[i].revents == 0)
			expect(&c, 200, "done");
		close(c.fd);
	}
	finish(&f);
}

/* A crowd that comes in one moment is served whole, and nobody else has to
 * wait because it is. */
static void test_F19_crowd(void **state)
{
	enum { N = 1000, MAY_BLOCK = 4 };
	static int fds[N + MAY_BLOCK];
	struct fixture f;
	struct client worker, other;
	(void)state;
	prepare(&f);
	f.opt.workers = 2;
	start(&f);
	open_client(&worker, &f);
	send_text(worker.fd, "GET /block HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1);
	for (size_t i = 0; i < N + MAY_BLOCK; i++)
		fds[i] = dial(http_port(f.server));
	for (size_t i = 0; i < MAY_BLOCK; i++)
		send_text(fds[N + i], "GET /block-crowd HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1 + MAY_BLOCK);
	for (size_t i = 0; i < N; i++)
		send_text(fds[i], "GET /hold-crowd HTTP/1.1\r\n" H END);

	open_client(&other, &f);
	send_text(other.fd, "POST /work HTTP/1.1\r\n" H
			    "Content-Length: 3\r\n" END "abc");
	expect(&other, 200, "abc");
	let_go(&f.app);
	wait_for(&f.app, &f.app.held_count, N);
	release_from_another_thread(&f.app);
	expect(&worker, 200, "done");
	for (size_t i = 0; i < N + MAY_BLOCK; i++) {
		struct client c = { .fd = fds[i] };
		expect(&c, 200, i < N ? "shared!" : "done");
		close(c.fd);
	}
	close(worker.fd);
	close(other.fd);
	finish(&f);
}

/* However many requests have come in while the polling thread was away, none
 * is left lying. */
static void test_F19_a_burst(void **state)
{
	enum { FROM = 120, TO = 136 };
	static int fds[TO];
	struct fixture f;
	struct client first;
	(void)state;
	prepare(&f);
	f.opt.pollers = 1;
	start(&f);
	open_client(&first, &f);
	for (size_t i = 0; i < TO; i++) {
		struct client c = { .fd = fds[i] = dial(http_port(f.server)) };
		send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
		expect(&c, 200, "hello");
	}
	for (size_t n = FROM; n < TO; n++) {
		f.app.blocked = 0;
		f.app.let_go = false;
		send_text(first.fd, "GET /block-now HTTP/1.1\r\n" H END);
		wait_for(&f.app, &f.app.blocked, 1);
		for (size_t i = 0; i < n; i++)
			send_text(fds[i], "GET /hello HTTP/1.1\r\n" H END);
		let_go(&f.app);
		expect(&first, 200, "done");
		for (size_t i = 0; i < n; i++) {
			struct client c = { .fd = fds[i] };
			expect(&c, 200, "hello");
		}
	}
	for (size_t i = 0; i < TO; i++)
		close(fds[i]);
	close(first.fd);
	finish(&f);
}

static void test_quiesced_refuses(void **state)
{
	struct fixture f;
	struct client c;
	struct reply r;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&c, 200, "hello");
	http_quiesce(f.server);
	send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
	assert_true(next_reply(&c, &r, false));
	assert_int_equal(r.status, 503);
	assert_true(closed(&c));
	close(c.fd);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F22_stop_with_work_in_flight),
		cmocka_unit_test(test_F19_queue_is_bounded),
		cmocka_unit_test(test_F19_crowd),
		cmocka_unit_test(test_F19_a_burst),
		cmocka_unit_test(test_quiesced_refuses),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
