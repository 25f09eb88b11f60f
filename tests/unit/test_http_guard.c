/* test_http_guard.c - what is refused before anybody sees it: smuggled
 * requests, and heads larger than promised. */
#include "tests/unit/http_client.h"

/* ---- 400, and the connection ends ---- */

static const char *const smuggled[] = {
	"GET /hello HTTP/1.1\r\n" H H END,
	"POST /body HTTP/1.1\r\n" H
	"Content-Length: 1\r\nContent-Length: 1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H
	"Content-Length: 1\r\ncontent-length: 2\r\n" END "xy",
	"POST /body HTTP/1.1\r\n" H
	"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n",
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
	"Transfer-Encoding: chunked\r\n" END "0\r\n\r\n",
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Content-Length : 1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H "Content-Length: -1\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Content-Length: +1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n" END "x",
	"GET /hello HTTP/1.1\r\n" H
	"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Content-Type: a/b\r\nContent-Type: a/c"
	"\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X Y: 1\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X\x01: 1\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X(: 1\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X: \x01\r\n" END,
	"GET /a%00b HTTP/1.1\r\n" H END,
	"GET /query?q=%00 HTTP/1.1\r\n" H END,
	"GET //hello HTTP/1.1\r\n" H END,
	"GET /a//b HTTP/1.1\r\n" H END,
	"GET /../hello HTTP/1.1\r\n" H END,
	"GET /a/.. HTTP/1.1\r\n" H END,
	"GET /a/./b HTTP/1.1\r\n" H END,
	"GET /a/%2e%2E HTTP/1.1\r\n" H END,
	"GET /a/.%2e HTTP/1.1\r\n" H END,
	"GET /a\\b HTTP/1.1\r\n" H END,
	"GET /a#b HTTP/1.1\r\n" H END,
	"GET /a\x01 HTTP/1.1\r\n" H END,
	"GET /a\xC3\xA9 HTTP/1.1\r\n" H END,
	"GET hello HTTP/1.1\r\n" H END,
	"GET http://h/hello HTTP/1.1\r\n" H END,
	"OPTIONS * HTTP/1.1\r\n" H END,
	("GET /hello HTTP/1.1\r\n" END), /* no Host */
	/* lines that are not what they look like */
	"POST /body HTTP/1.1\r\n" H "Content-Length:\r\n 1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H "X: y\r\n Content-Length: 1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n" END
	"0\r\n\r\n",
	"GET /hello HTTP/1.1\r\n" H "X: y\n" END,
	"GET /hello HTTP/1.1\r\n" H "X: y\rZ: y\r\n" END,
	"GET /hello HTTP/1.1\n" H END,
	"GET /hello HTTP/1.1\r\n" H "\n",
	"GET /hello HTTP/1.1\r\n" H ": y\r\n" END,
	"GET  /hello HTTP/1.1\r\n" H END,
};

static void test_A32_guard(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	for (size_t i = 0; i < sizeof smuggled / sizeof *smuggled; i++) {
		fetch(&f, smuggled[i], &r, &open);
		if (r.status != 400 || open)
			fail_msg("%u, %s: %s", r.status,
				 open ? "open" : "closed", smuggled[i]);
	}
	finish(&f);
}

static void test_long_target(void **state)
{
	static char request[9000];
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	memset(request, 'a', sizeof request);
	memcpy(request, "GET /a/", 7);
	snprintf(request + 4 + 4000, 100, " HTTP/1.1\r\n" H END);
	fetch(&f, request, &r, &open);
	assert_int_equal(r.status, 200);
	for (size_t over = 4001; over < 8500; over += 4400) {
		memset(request + 4, 'a', sizeof request - 4);
		snprintf(request + 4 + over, 100, " HTTP/1.1\r\n" H END);
		request[4] = '/';
		fetch(&f, request, &r, &open);
		assert_int_equal(r.status, 414);
	}
	finish(&f);
}

/* What is promised: 4500 bytes in 20 headers, the longest token among them.
 * Then there is still room for the reply. */
static void test_large_head(void **state)
{
	enum { HEAD = 4500, TOKEN = 4096, HEADERS = 20 };
	static char text[20000];
	struct fixture f;
	struct client c;
	struct reply r;
	bool open;
	size_t n;
	(void)state;
	prepare(&f);
	start(&f);
	n = (size_t)snprintf(text, sizeof text,
			     "GET /gone-work HTTP/1.1\r\n" H
			     "Authorization: Bearer %0*d\r\n",
			     TOKEN, 0);
	for (int i = 3; i < HEADERS; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "X: 0\r\n");
	int rest = HEAD - (int)n - (int)strlen("X: \r\n\r\n");
	n += (size_t)snprintf(text + n, sizeof text - n, "X: %0*d\r\n", rest,
			      0);
	memcpy(text + n, END, sizeof END);
	open_client(&c, &f);
	for (int i = 0; i < 3; i++) {
		send_text(c.fd, text);
		expect(&c, 410, NULL);
	}
	close(c.fd);

	snprintf(text, sizeof text,
		 "GET /hello HTTP/1.1\r\n" H "X: %0*d\r\n" END, 16000, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 431);
	assert_false(open);
	finish(&f);
}

/* From what is taken to what the library itself refuses there is none without
 * an answer, not even where the head leaves no room for that of a reply; nor
 * among those that are refused for something else. */
static void test_A32_each_length_has_its_answer(void **state)
{
	static char text[20000];
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	for (int n = 5400; n < 6500; n++)
		for (int i = 0; i < 3; i++) {
			snprintf(text, sizeof text,
				 "GET /hello HTTP/1.1\r\n" H
				 "Authorization: Bearer %0*d\r\n%s" END,
				 n, 0,
				 i == 0	  ? ""
				 : i == 1 ? "Cookie: a=b; c=d\r\n"
					  : H);
			fetch(&f, text, &r, &open);
			if (r.status != 431 && r.status != (i == 2 ? 400 : 200))
				fail_msg("%d, %d: %u", i, n, r.status);
			assert_true(open == (r.status == 200));
		}
	finish(&f);
}

/* As much as the program asked for, in the headers or in the target. */
static void test_a_larger_head(void **state)
{
	static char text[20000];
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	f.opt.head_max = 16384;
	start(&f);
	snprintf(text, sizeof text,
		 "GET /hello HTTP/1.1\r\n" H "X: %0*d\r\n" END, 16000, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 200);
	snprintf(text, sizeof text,
		 "GET /hello HTTP/1.1\r\n" H "X: %0*d\r\n" END, 16384, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 431);
	snprintf(text, sizeof text, "GET /star/%0*d HTTP/1.1\r\n" H END,
		 16384 - 1800 - 6, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 200);
	snprintf(text, sizeof text, "GET /star/%0*d HTTP/1.1\r\n" H END,
		 16384 - 1800 - 5, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 414);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A32_guard),
		cmocka_unit_test(test_long_target),
		cmocka_unit_test(test_large_head),
		cmocka_unit_test(test_A32_each_length_has_its_answer),
		cmocka_unit_test(test_a_larger_head),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
