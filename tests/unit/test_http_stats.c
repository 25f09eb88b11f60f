/* test_http_stats.c - what is counted of requests, and the listener that
 * shows it. */
#include "tests/unit/http_client.h"

#include "common/http_stats.h"
#include "common/metrics_serve.h"

/* ---- a page of a server's metrics ---- */

static struct http_server *server; /* the one under test */

static void read_requests_total(void *app, struct metrics_page *p)
{
	(void)app;
	http_put_requests(server, p);
}

static void read_duration_seconds(void *app, struct metrics_page *p)
{
	(void)app;
	http_put_durations(server, p);
}

/* clang-format off */
static const struct metric rows[] = {
	METRIC_ROW(requests_total, COUNTER, "method route status", "Asked.")
	METRIC_ROW(duration_seconds, HISTOGRAM, "method route", "Took.")
};
/* clang-format on */
static const struct metrics all = { "t_", rows, 2, NULL };

static bool page_has(const char *line)
{
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span page;
	metrics_write(&all, &b);
	assert_int_equal(buf_done(&b, &page), MM_OK);
	return strstr((const char *)page.at, line) != NULL;
}

static void expect_line(const char *line)
{
	if (!page_has(line))
		fail_msg("no line %s", line);
}

static void begin(struct fixture *f)
{
	prepare(f);
	start(f);
	server = f->server;
}

static void ask(const struct fixture *f, const char *request)
{
	struct reply r;
	bool open;
	fetch(f, request, &r, &open);
}

/* ---- tests ---- */

static void test_by_pattern_and_class(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	ask(&f, "GET /a/one HTTP/1.1\r\n" H END);
	ask(&f, "GET /a/two?q=secret HTTP/1.1\r\n" H END);
	ask(&f, "DELETE /a/two HTTP/1.1\r\n" H END);
	ask(&f, "PUT /star/x/y HTTP/1.1\r\n" H "Content-Length: 0\r\n" END);
	ask(&f, "GET /gone HTTP/1.1\r\n" H END);
	ask(&f, "GET /gone-work HTTP/1.1\r\n" H END);
	ask(&f, "GET /silent-work HTTP/1.1\r\n" H END);
	ask(&f, "GET /denied HTTP/1.1\r\n" H END);
	ask(&f, "HEAD /hello HTTP/1.1\r\n" H END);
	expect_line("\nt_requests_total{method=\"GET\",route=\"/a/{}\","
		    "status=\"2xx\"} 2\n");
	expect_line("{method=\"DELETE\",route=\"/a/{}\",status=\"2xx\"} 1\n");
	expect_line("{method=\"*\",route=\"/star/*\",status=\"2xx\"} 1\n");
	expect_line("{method=\"GET\",route=\"/gone\",status=\"4xx\"} 1\n");
	expect_line("{method=\"GET\",route=\"/gone-work\",status=\"4xx\"} 1\n");
	expect_line(
		"{method=\"GET\",route=\"/silent-work\",status=\"5xx\"} 1\n");
	expect_line("{method=\"GET\",route=\"/denied\",status=\"4xx\"} 1\n");
	expect_line("{method=\"GET\",route=\"/hello\",status=\"2xx\"} 1\n");
	expect_line("_count{method=\"GET\",route=\"/a/{}\"} 2\n");
	assert_false(page_has("two"));
	assert_false(page_has("secret"));
	assert_false(page_has("/body")); /* nobody has asked for it */
	finish(&f);
}

/* What no route fits, and what was refused before it was whole. */
static void test_of_no_route(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	ask(&f, "GET /nowhere/1 HTTP/1.1\r\n" H END);
	ask(&f, "PUT /hello HTTP/1.1\r\n" H "Content-Length: 0\r\n" END);
	ask(&f, "GET /hello HTTP/1.1\r\n" H "Host: two\r\n" END);
	expect_line("{method=\"none\",route=\"none\",status=\"4xx\"} 3\n");
	expect_line("_count{method=\"none\",route=\"none\"} 3\n");
	assert_false(page_has("nowhere"));
	ask(&f, "POST /body HTTP/1.1\r\n" H "Content-Length: 65\r\n" END);
	expect_line("{method=\"POST\",route=\"/body\",status=\"4xx\"} 1\n");
	finish(&f);
}

/* A request that waits is counted when it is answered, with its wait. */
static void test_time_while_held(void **state)
{
	const struct timespec pause = { .tv_nsec = 110 * 1000000 };
	struct fixture f;
	struct client c;
	struct http_load load;
	(void)state;
	begin(&f);
	open_client(&c, &f);
	send_text(c.fd, "GET /block HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1);
	http_load(f.server, &load);
	assert_int_equal(load.work.threads, 2);
	assert_int_equal(load.work.busy, 1);
	assert_int_equal(load.work.queued, 0);
	assert_int_equal(load.crowd.threads, 4);
	nanosleep(&pause, NULL);
	assert_false(page_has("/block"));
	let_go(&f.app);
	expect(&c, 200, "done");
	expect_line("{method=\"GET\",route=\"/block\",le=\"0.1\"} 0\n");
	expect_line("{method=\"GET\",route=\"/block\",le=\"30\"} 1\n");
	close(c.fd);
	finish(&f);
}

static void test_listener(void **state)
{
	struct fixture f = { .server = NULL };
	struct http_server *shown = NULL;
	struct why why = { .text = "" };
	struct reply r;
	bool open;
	(void)state;
	begin(&f);
	ask(&f, "GET /hello HTTP/1.1\r\n" H END);
	assert_int_equal(metrics_serve("", &all, &shown, &why), MM_OK);
	assert_null(shown);
	assert_int_equal(metrics_serve("127.0.0.1:0", &all, &shown, &why),
			 MM_OK);
	struct fixture page = { .server = shown };
	fetch(&page, "GET /metrics HTTP/1.1\r\n" H END, &r, &open);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.head, "Content-Type: text/plain; "
				       "version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(r.body, "# TYPE t_requests_total counter\n"));
	assert_non_null(strstr(r.body, "route=\"/hello\",status=\"2xx\"} 1\n"));
	fetch(&page, "GET / HTTP/1.1\r\n" H END, &r, &open);
	assert_int_equal(r.status, 404);
	fetch(&page, "GET /metrics/ HTTP/1.1\r\n" H END, &r, &open);
	assert_int_equal(r.status, 404);
	fetch(&page, "POST /metrics HTTP/1.1\r\n" H "Content-Length: 0\r\n" END,
	      &r, &open);
	assert_int_equal(r.status, 405);
	http_stop(shown);
	finish(&f);
}

static void test_addresses(void **state)
{
	struct why why;
	(void)state;
	assert_int_equal(metrics_check("", &why), MM_OK);
	assert_int_equal(metrics_check("127.0.0.1:9464", &why), MM_OK);
	assert_int_equal(metrics_check("[::1]:9464", &why), MM_OK);
	assert_int_equal(metrics_check("9464", &why), MM_ERR_INVALID);
	assert_int_equal(metrics_check("localhost:x", &why), MM_ERR_INVALID);
}

/* Whoever finds the address taken is told which setting to change. */
static void test_address_in_use(void **state)
{
	struct fixture f;
	struct http_server *shown = NULL;
	struct why why = { .text = "" };
	char listen[32];
	(void)state;
	begin(&f);
	snprintf(listen, sizeof listen, "127.0.0.1:%u", http_port(f.server));
	assert_int_equal(metrics_serve(listen, &all, &shown, &why),
			 MM_ERR_CONFLICT);
	assert_null(shown);
	assert_non_null(strstr(why.text, "--metrics"));
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_pattern_and_class),
		cmocka_unit_test(test_of_no_route),
		cmocka_unit_test(test_time_while_held),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_address_in_use),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
