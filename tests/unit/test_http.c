/* test_http.c - a request, and what it is answered: routes, arguments,
 * queries, bodies. */
#include "tests/unit/http_client.h"

static const struct {
	const char *request;
	unsigned status;
	const char *body; /* NULL: anything */
	bool open;	  /* afterwards */
} exchanges[] = {
	{ "GET / HTTP/1.1\r\n" H END, 200, "hello", true },
	{ "GET /hello HTTP/1.1\r\n" H END, 200, "hello", true },
	{ "GET /hello/ HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /tail/ HTTP/1.1\r\n" H END, 200, "hello", true },
	{ "GET /tail HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /Hello HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /%68ello HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /nothing HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /a/ HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /a/x HTTP/1.1\r\n" H END, 200, "x||/a/x", true },
	{ "GET /a/x?q=1 HTTP/1.1\r\n" H END, 200, "x||/a/x", true },
	{ "GET /a/%7Ex%2Fy HTTP/1.1\r\n" H END, 200, "~x/y||/a/%7Ex%2Fy",
	  true },
	{ "GET /a/1/b/2 HTTP/1.1\r\n" H END, 200, "1|2|/a/1/b/2", true },
	{ "GET /a/1/c HTTP/1.1\r\n" H END, 200, "1||/a/1/c", true },
	{ "GET /a/1/d HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /a/a..b HTTP/1.1\r\n" H END, 200, "a..b||/a/a..b", true },
	{ "GET /a/%c3%a9 HTTP/1.1\r\n" H END, 200, "\xC3\xA9||/a/%c3%a9",
	  true },
	{ "GET /a/%c3 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%0a HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%7f HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%zz HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%4 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/% HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "PUT /a/x HTTP/1.1\r\n" H END, 405, NULL, true },
	{ "BREW /hello HTTP/1.1\r\n" H END, 405, NULL, true },
	{ "get /hello HTTP/1.1\r\n" H END, 405, NULL, true },
	/* behind a star all is somebody else's */
	{ "GET /star HTTP/1.1\r\n" H END, 200, "(none)", true },
	{ "PUT /star HTTP/1.1\r\n" H END, 405, NULL, true },
	{ "GET /star?q=1 HTTP/1.1\r\n" H END, 200, "1", true },
	{ "GET /star/ HTTP/1.1\r\n" H END, 200, "GET /star/|unread", true },
	{ "BREW /star/a/%zz/c?q=%zz&q HTTP/1.1\r\n" H END, 200,
	  "BREW /star/a/%zz/c|unread", true },
	{ "GET /starry/ HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /star/../a/x HTTP/1.1\r\n" H END, 400, NULL, false },
	{ "POST /star/a HTTP/1.1\r\nContent-Length: 1\r\n" H END "x", 400, NULL,
	  false },
	{ "GET /list HTTP/1.1\r\n" H "A: 1\r\nA: 2\r\nB:\r\n" END, 200,
	  "Host=h;A=1;A=2;B=;", true },
	{ "GET /list HTTP/1.1\r\n" H "Stop: 1\r\nA: 2\r\n" END, 200,
	  "Host=h;Stop=1;", true },
	{ "GET /query HTTP/1.1\r\n" H END, 200, "(none)", true },
	{ "GET /query? HTTP/1.1\r\n" H END, 200, "(none)", true },
	{ "GET /query?q HTTP/1.1\r\n" H END, 200, "", true },
	{ "GET /query?a&b&c&q=z HTTP/1.1\r\n" H END, 200, "z", true },
	{ "GET /query?q=a+b%20c%2B HTTP/1.1\r\n" H END, 200, "a b c+", true },
	{ "GET /query?x=1&&q=http://h//y/../z HTTP/1.1\r\n" H END, 200,
	  "http://h//y/../z", true },
	{ "GET /query?%71=1 HTTP/1.1\r\n" H END, 200, "1", true },
	{ "GET /query?q=a=b HTTP/1.1\r\n" H END, 200, "a=b", true },
	{ "GET /query?q=1&q=2 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=1&%71=2 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=%0d HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=%f HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=%ff HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&q=16"
	  " HTTP/1.1\r\n" H END,
	  200, "16", true },
	{ "GET /query?1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&q HTTP/1.1\r\n" H END, 200,
	  "", true },
	{ "GET /query?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&q=17"
	  " HTTP/1.1\r\n" H END,
	  400, NULL, true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abc", 200,
	  "abc", true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 0\r\n" END, 200, "",
	  true },
	{ "POST /body HTTP/1.1\r\n" H END, 200, "", true },
	{ "POST /work HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abc", 200,
	  "abc", true },
	{ "POST /body HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	  200, "abcde", false },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 64\r\n" END
	  "0123456789012345678901234567890123456789012345678901234567890123",
	  200, NULL, true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 65\r\n" END, 413, NULL,
	  false },
	{ "POST /body HTTP/1.1\r\n" H
	  "Content-Length: 18446744073709551615\r\n" END,
	  413, NULL, false },
	{ "POST /body HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "40\r\n012345678901234567890123456789012345678901234567890123456789"
	  "0123\r\n1\r\nx\r\n0\r\n\r\n",
	  413, NULL, false },
	{ "GET /hello HTTP/1.1\r\n" H "Content-Length: 0\r\n" END, 200, "hello",
	  true },
	{ "GET /hello HTTP/1.1\r\n" H "Content-Length: 1\r\n" END "x", 400,
	  NULL, false },
	{ "GET /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "0\r\n\r\n",
	  200, "hello", false },
	{ "GET /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "1\r\nx\r\n0\r\n\r\n",
	  400, NULL, false },
	{ "POST /nothing HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abc", 404,
	  NULL, false },
	{ "GET /shared HTTP/1.1\r\n" H END, 200, "shared!", true },
	{ "GET /silent HTTP/1.1\r\n" H END, 503, NULL, true },
	{ "GET /silent-work HTTP/1.1\r\n" H END, 503, NULL, true },
	{ "GET /gone-work HTTP/1.1\r\n" H END, 410, NULL, true },
	{ "GET /denied HTTP/1.1\r\n" H END, 401, NULL, true },
	{ "GET /headers HTTP/1.1\r\n" H "User-Agent: t\r\n" END, 200, "t",
	  true },
	{ "GET /peer HTTP/1.1\r\n" H END, 200, "far -1 127.0.0.1", true },
	{ "HEAD /hello HTTP/1.1\r\n" H END, 200, "", true },
};

static void test_exchanges(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
		fetch(&f, exchanges[i].request, &r, &open);
		if (r.status != exchanges[i].status ||
		    open != exchanges[i].open)
			fail_msg("%u, %s: %s%s%s", r.status,
				 open ? "open" : "closed", exchanges[i].request,
				 r.head, r.body);
		if (exchanges[i].body != NULL)
			assert_string_equal(r.body, exchanges[i].body);
	}
	finish(&f);
}

/* Behind a proxy the last address in the last line is what the proxy said;
 * all before it was said to the proxy. */
static void test_forwarded(void **state)
{
	static const struct {
		const char *lines, *address;
	} cases[] = {
		{ "", "" },
		{ "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7" },
		{ "x-forwarded-for: 10.0.0.1, 192.0.2.7\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 10.0.0.1\r\n"
		  "X-Forwarded-For: 192.0.2.7 \r\n",
		  "192.0.2.7" },
		{ "X-Forwarded-For: 192.0.2.7,\r\n", "" },
		{ "X-Forwarded-For: 192.0.2.7:443\r\n", "" },
		{ "X-Forwarded-For: 10.0.0.1, unknown\r\n", "" },
		{ "X-Forwarded-For: 2001:DB8:0::1\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: ::ffff:192.0.2.7\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: fe80::1%eth0\r\n", "fe80::1" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		struct reply r;
		bool open;
		char text[256], want[64];
		prepare(&f);
		f.opt.behind_proxy = true;
		start(&f);
		snprintf(text, sizeof text, "GET /peer HTTP/1.1\r\n" H "%s" END,
			 cases[i].lines);
		fetch(&f, text, &r, &open);
		snprintf(want, sizeof want, "far -1 %s", cases[i].address);
		assert_string_equal(r.body, want);
		finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_forwarded),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
