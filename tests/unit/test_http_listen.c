/* test_http_listen.c - where the server listens, and who else may be there
 * already. */
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/http_client.h"

static void test_address_in_use(void **state)
{
	struct fixture f;
	struct http_server *second;
	struct why why;
	char want[128];
	(void)state;
	prepare(&f);
	start(&f);
	f.opt.port = http_port(f.server);
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_CONFLICT);
	assert_null(second);
	snprintf(want, sizeof want,
		 "127.0.0.1:%u is already in use: stop the other program or "
		 "choose another --listen",
		 f.opt.port);
	assert_string_equal(why.text, want);
	f.opt.port = 0;
	f.opt.host = "example.org";
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_INVALID);
	f.opt.host = "192.0.2.1";
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_IO);
	finish(&f);
}

static int dial_local(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_true(span_copy(a.sun_path, sizeof a.sun_path, span_str(path)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void leave_stale_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_true(span_copy(a.sun_path, sizeof a.sun_path, span_str(path)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
}

static void test_local_socket(void **state)
{
	char dir[] = "/tmp/mm-http-XXXXXX", path[64], want[64];
	struct fixture f;
	struct http_server *second;
	struct client c = { .len = 0 };
	struct stat st;
	struct why why;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/admin.sock", dir);
	leave_stale_socket(path);
	prepare(&f);
	f.opt.socket_path = path;
	start(&f);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	c.fd = dial_local(path);
	send_text(c.fd, "GET /peer HTTP/1.1\r\n" H END);
	snprintf(want, sizeof want, "local %u ", (unsigned)getuid());
	expect(&c, 200, want);
	close(c.fd);

	f.opt.host = NULL; /* the socket alone, while another answers on it */
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "another program answers"));
	assert_int_equal(stat(path, &st), 0);
	http_stop(f.server);
	assert_int_equal(stat(path, &st), -1);

	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "is no socket"));
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	start(&f);
	finish(&f);
	rmdir(dir);
}

/* Strangers who fill every worker and the queue keep nobody on this host
 * waiting. */
static void test_local_socket_has_its_own_workers(void **state)
{
	enum { STRANGERS = 1 + 256 + 1 }; /* the last one is turned away */
	static int fds[STRANGERS];
	static struct pollfd turned_away[STRANGERS];
	char dir[] = "/tmp/mm-http-XXXXXX", path[64];
	struct fixture f;
	struct client c = { .len = 0 };
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/admin.sock", dir);
	prepare(&f);
	f.opt.socket_path = path;
	f.opt.workers = 1;
	start(&f);
	for (size_t i = 0; i < STRANGERS; i++) {
		fds[i] = dial(http_port(f.server));
		send_text(fds[i], "GET /block HTTP/1.1\r\n" H END);
	}
	wait_for(&f.app, &f.app.blocked, 1);
	for (size_t i = 0; i < STRANGERS; i++)
		turned_away[i] = (struct pollfd){ fds[i], POLLIN, 0 };
	assert_int_equal(poll(turned_away, STRANGERS, 20000), 1);
	c.fd = dial_local(path);
	send_text(c.fd, "POST /work HTTP/1.1\r\n" H "Content-Length: 3\r\n" END
			"abc");
	struct pollfd p = { .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1);
	expect(&c, 200, "abc");
	let_go(&f.app);
	close(c.fd);
	for (size_t i = 0; i < STRANGERS; i++)
		close(fds[i]);
	finish(&f);
	rmdir(dir);
}

static void test_bad_certificate(void **state)
{
	struct fixture f;
	struct why why;
	(void)state;
	prepare(&f);
	f.opt.tls_cert = f.opt.tls_key = "no PEM";
	assert_int_equal(http_start(&f.opt, &f.server, &why),
			 MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "are certificate and key PEM?"));
	finish(&f);
}

static void test_ipv6(void **state)
{
	struct fixture f;
	struct why why;
	(void)state;
	prepare(&f);
	f.opt.host = "::1";
	if (http_start(&f.opt, &f.server, &why) == MM_OK)
		assert_int_not_equal(http_port(f.server), 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_in_use),
		cmocka_unit_test(test_local_socket),
		cmocka_unit_test(test_local_socket_has_its_own_workers),
		cmocka_unit_test(test_bad_certificate),
		cmocka_unit_test(test_ipv6),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
