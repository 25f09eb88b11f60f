/* hello.c - the least that libmicrohttpd can do: see hello.h.  A thread of
 * the library's and a loop of our own around MHD_run() are equally fast. */
#include "tests/bench/hello.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Those of answer_pass() and of every reply, as long as they are there. */
static const char *const headers[][2] = {
	{ "X-Mintmark-User", HOST_USER },
	{ "X-Mintmark-Scopes", "photos:read" },
	{ "X-Mintmark-Id", "0.1234" },
	{ "X-Mintmark-Expires", "2026-09-21T14:13:20Z" },
	{ "Cache-Control", "no-store" },
	{ "X-Request-Id", "0123456789abcdef" },
};

/* Enough for the largest request here.  With the library's own 32 KiB, which
 * it writes over between two requests, each takes 0.8 us more. */
#define POOL_BYTES 6400u

struct hello {
	int fd;
	struct MHD_Response *text, *bare;
};

static enum MHD_Result answer(void *cls, struct MHD_Connection *c,
			      const char *url, const char *method,
			      const char *version, const char *upload,
			      size_t *upload_size, void **seen)
{
	struct hello *h = cls;
	(void)method, (void)version, (void)upload, (void)upload_size;
	if (*seen == NULL) { /* a reply now would close the connection */
		*seen = h;
		return MHD_YES;
	}
	return MHD_queue_response(c, MHD_HTTP_OK,
				  url[1] == 'h' ? h->text : h->bare);
}

static bool prepare(struct hello *h)
{
	static char text[] = "hello, world\n";
	h->text = MHD_create_response_from_buffer(sizeof text - 1, text,
						  MHD_RESPMEM_PERSISTENT);
	h->bare = MHD_create_response_from_buffer(0, text,
						  MHD_RESPMEM_PERSISTENT);
	if (h->text == NULL || h->bare == NULL)
		return false;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (MHD_add_response_header(h->bare, headers[i][0],
					    headers[i][1]) != MHD_YES)
			return false;
	return true;
}

static void serve(void *ctx)
{
	struct hello *h = ctx;
	if (!prepare(h) ||
	    MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
			     answer, h, MHD_OPTION_LISTEN_SOCKET, h->fd,
			     MHD_OPTION_CONNECTION_MEMORY_LIMIT,
			     (size_t)POOL_BYTES, MHD_OPTION_END) == NULL)
		return;
	for (;;)
		pause();
}

enum mm_err hello_start(pid_t *pid, uint16_t *port)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof any;
	struct hello h = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
					0) };
	if (h.fd < 0)
		return MM_ERR_IO;
	bool good = bind(h.fd, (const struct sockaddr *)&any, len) == 0 &&
		    listen(h.fd, 128) == 0 &&
		    getsockname(h.fd, (struct sockaddr *)&any, &len) == 0;
	*port = ntohs(any.sin_port);
	enum mm_err e = good ? process_fork(pid, serve, &h) : MM_ERR_IO;
	close(h.fd); /* the other process has it */
	return e;
}
