/* metrics_serve.c - GET /metrics. */
#include "common/metrics_serve.h"

#include "common/log.h"
#include "common/settings.h"

#define PAGE_MAX    (4u << 20)
#define CONNECTIONS 16 /* one Prometheus, and who looks */

static enum mm_err get(void *app, struct http_request *rq)
{
	AUTO_BUF struct buf page = buf_new(PAGE_MAX);
	struct span text;
	metrics_write(app, &page);
	TRY(buf_done(&page, &text));
	return http_reply(rq, 200, "text/plain; version=0.0.4; charset=utf-8",
			  text);
}

/* On a worker: a page may have to wait for the store. */
static const struct http_route routes[] = {
	{ "GET", "/metrics", HTTP_WORK, 0, get, 0 },
	{ .method = NULL },
};

enum mm_err metrics_check(const char *listen, struct why *why)
{
	char host[256];
	uint16_t port;
	return listen[0] == '\0' ? MM_OK
				 : address_read(listen, host, &port, why);
}

/* The server only reads what it hands on to get(). */
static void *app_of(const struct metrics *m)
{
	return (void *)(uintptr_t)m;
}

enum mm_err metrics_serve(const char *listen, const struct metrics *m,
			  struct http_server **out, struct why *why)
{
	char host[256];
	struct http_options o = { .routes = routes,
				  .app = app_of(m),
				  .host = host,
				  .workers = 1,
				  .connections = CONNECTIONS };
	*out = NULL;
	if (listen[0] == '\0')
		return MM_OK;
	TRY(address_read(listen, host, &o.port, why));
	enum mm_err e = http_start(&o, out, why);
	if (e == MM_ERR_CONFLICT)
		return why_say(why, e, "metrics",
			       "%s is already in use: stop the other program "
			       "or choose another --metrics",
			       listen);
	TRY(e);
	log_event(LOG_NOTICE, "metrics.start", "listen=%s port=%u", listen,
		  http_port(*out));
	return MM_OK;
}
