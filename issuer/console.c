/* console.c - the console's page, compiled in from issuer/console/. */
#include "issuer/handlers.h"

/* console/index.html, as bytes (console/files.S). */
extern const char console_index_start[], console_index_end[];

/* Nothing from elsewhere, no script, no frame around it. */
#define CSP                                                                    \
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"      \
	" form-action 'none'; frame-ancestors 'none'"

enum mm_err console_get(void *app, struct http_request *rq)
{
	(void)app;
	http_set(rq, "Content-Security-Policy", CSP);
	http_set(rq, "X-Content-Type-Options", "nosniff");
	http_set(rq, "Referrer-Policy", "no-referrer");
	return http_reply(
		rq, 200, "text/html; charset=utf-8",
		span_of(console_index_start,
			(size_t)(console_index_end - console_index_start)));
}
