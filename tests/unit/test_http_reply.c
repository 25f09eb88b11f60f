/* test_http_reply.c - what replies carry: problems, headers, and bodies that
 * are prepared, packed or known already. */
#include "tests/unit/http_client.h"

static void test_problem(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	fetch(&f, "GET /gone HTTP/1.1\r\n" H END, &r, &open);
	assert_string_equal(
		r.body,
		"{\"type\":\"about:blank\",\"title\":\"Gone\",\"status\":410,"
		"\"detail\":\"take the \\\"snapshot\\\"\\u000a\xEF\xBF\xBD\","
		"\"field\":\"after\",\"reason\":\"gone\"}");
	assert_non_null(strstr(r.head, "application/problem+json"));
	assert_non_null(strstr(r.head, "Cache-Control: no-store\r\n"));

	fetch(&f, "PUT /a/x HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.head, "Allow: GET, HEAD, DELETE\r\n"));
	assert_non_null(strstr(r.body, "\"status\":405"));

	fetch(&f, "GET /denied HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.head, "WWW-Authenticate: Bearer "
				       "realm=\"mintmark\"\r\n"));
	assert_non_null(strstr(r.body, "\"reason\":\"unauthenticated\""));
	finish(&f);
}

static enum mm_err busy(void *app, struct http_request *rq)
{
	(void)app;
	return http_query(rq, "q") ? why_say(http_why(rq), MM_ERR_BUSY, NULL,
					     "my own words")
				   : MM_ERR_BUSY;
}

static enum mm_err missing(void *app, struct http_request *rq)
{
	(void)app;
	(void)rq;
	return MM_ERR_NOT_FOUND;
}

static void explain(void *app, enum mm_err e, struct why *why)
{
	(void)app;
	(void)why_say(why, e, NULL, "explained: %s", mm_err_word(e));
}

/* A 503 says what is wrong, also where its handler did not. */
static void test_problem_explained(void **state)
{
	static const struct http_route two[] = {
		{ "GET", "/busy", HTTP_WORK, 0, busy, FREE },
		{ "GET", "/missing", HTTP_NOW, 0, missing, FREE },
		{ .method = NULL },
	};
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	f.opt.routes = two;
	f.opt.explain = explain;
	start(&f);
	fetch(&f, "GET /busy HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.body, "\"detail\":\"explained: busy\""));
	fetch(&f, "GET /busy?q=1 HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.body, "\"detail\":\"my own words\""));
	fetch(&f, "GET /missing HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.body, "\"status\":404"));
	assert_null(strstr(r.body, "detail"));
	finish(&f);
}

static void test_headers(void **state)
{
	struct fixture f;
	struct reply r, again;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	fetch(&f, "GET /headers HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.head, "ETag: \"1\"\r\n"));
	assert_non_null(strstr(r.head, "cache-control: max-age=60\r\n"));
	assert_null(strstr(r.head, "no-store"));
	assert_non_null(strstr(r.head, "Content-Type: text/plain\r\n"));

	fetch(&f, "GET /headers HTTP/1.1\r\n" H END, &again, &open);
	const char *id = strstr(r.head, "X-Request-Id: ");
	const char *id2 = strstr(again.head, "X-Request-Id: ");
	assert_non_null(id);
	assert_non_null(id2);
	assert_int_equal(strspn(id + 14, "0123456789abcdef"), 16);
	assert_memory_equal(id, id2, 14 + 8);
	assert_memory_not_equal(id, id2, 14 + 16);

	fetch(&f, "HEAD /hello HTTP/1.1\r\n" H END, &r, &open);
	assert_int_equal(content_length(r.head), 5);
	finish(&f);
}

/* One of its headers, to the end of the line. */
static struct span header_of(const struct reply *r, const char *name)
{
	const char *at = strstr(r->head, name);
	assert_non_null(at);
	at += strlen(name);
	return span_of(at, strcspn(at, "\r"));
}

/* The same bytes, plain and packed, and not again for who has them. */
static void test_prepared(void **state)
{
	static const char text[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char *const forms[] = { "", "Accept-Encoding: gzip\r\n" };
	struct fixture f;
	struct reply r;
	bool open;
	char tags[2][64], request[256];
	(void)state;
	prepare(&f);
	f.app.prepared = http_body_new("text/x-text", span_str(text));
	assert_int_equal(http_body_prepare(f.app.prepared), MM_OK);
	start(&f);
	for (int packed = 0; packed < 2; packed++) {
		snprintf(request, sizeof request,
			 "GET /prepared HTTP/1.1\r\n" H "%s" END,
			 forms[packed]);
		fetch(&f, request, &r, &open);
		assert_int_equal(r.status, 200);
		assert_true(open);
		assert_true(span_copy(tags[packed], sizeof tags[packed],
				      header_of(&r, "ETag: ")));
		assert_true(
			span_is(header_of(&r, "Vary: "), "Accept-Encoding"));
		assert_true(span_is(header_of(&r, "Content-Type: "),
				    "text/x-text"));
		assert_int_equal(strstr(r.head, "Content-Encoding: gzip") !=
					 NULL,
				 packed);
		if (packed)
			assert_true(content_length(r.head) <
				    (int)sizeof text - 1);
		else
			assert_string_equal(r.body, text);
		for (int has = 0; has < 2; has++) {
			snprintf(request, sizeof request,
				 "GET /prepared HTTP/1.1\r\n" H
				 "%sIf-None-Match: \"x\", W/%s\r\n" END,
				 forms[packed], tags[has % (packed + 1)]);
			fetch(&f, request, &r, &open);
			assert_int_equal(r.status, has % (packed + 1) == packed
							   ? 304
							   : 200);
			assert_true(
				span_is(header_of(&r, "ETag: "), tags[packed]));
		}
	}
	assert_string_not_equal(tags[0], tags[1]);
	finish(&f);
}

/* What does not get shorter is sent as it is. */
static void test_prepared_short(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	f.app.prepared = http_body_new("text/x-text", span_str("a"));
	assert_int_equal(http_body_prepare(f.app.prepared), MM_OK);
	start(&f);
	fetch(&f,
	      "GET /prepared HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n" END,
	      &r, &open);
	assert_string_equal(r.body, "a");
	assert_null(strstr(r.head, "Content-Encoding"));
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_problem_explained),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_prepared),
		cmocka_unit_test(test_prepared_short),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
