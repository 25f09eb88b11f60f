/* console.c - the console's files, compiled in from issuer/console/.
 *
 * They hold nothing secret and are the same for everybody: who may do what
 * is decided where they ask, at the API. */
#include "issuer/console.h"

#include <stdlib.h>

#include "issuer/console/files.h"
#include "issuer/handlers.h"

/* The bytes (console/files.S). */
#define X(symbol, name)                                                        \
	extern const char console_##symbol##_start[], console_##symbol##_end[];
CONSOLE_FILES(X)
#undef X

static const struct file {
	const char *name, *start, *end;
} files[] = {
#define X(symbol, name)                                                        \
	{ name, console_##symbol##_start, console_##symbol##_end },
	CONSOLE_FILES(X)
#undef X
};
enum { FILES = sizeof files / sizeof files[0] };

struct console {
	struct http_body *body[FILES]; /* as files[] */
};

/* Nothing from elsewhere, no frame around it, no script but these files,
 * and no text of anybody's ever read as markup (trusted types: none). */
#define CSP                                                                    \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"img-src 'self'; connect-src 'self'; base-uri 'none'; "                \
	"form-action 'none'; frame-ancestors 'none'; "                         \
	"require-trusted-types-for 'script'; trusted-types 'none'"

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
	};
	const char *end = strrchr(name, '.');
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(end, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static enum mm_err prepare(const struct file *f, struct http_body **out)
{
	*out = http_body_new(type_of(f->name),
			     span_of(f->start, (size_t)(f->end - f->start)));
	return *out != NULL ? http_body_prepare(*out) : MM_ERR_NOMEM;
}

enum mm_err console_open(struct console **out)
{
	struct console *c = calloc(1, sizeof *c);
	*out = c;
	if (c == NULL)
		return MM_ERR_NOMEM;
	for (size_t i = 0; i < FILES; i++)
		TRY(prepare(&files[i], &c->body[i]));
	return MM_OK;
}

void console_close(struct console *c)
{
	for (size_t i = 0; c != NULL && i < FILES; i++)
		http_body_drop(c->body[i]);
	free(c);
}

/* "/console/" is its index. */
static struct http_body *find(const struct console *c, const char *name)
{
	if (name[0] == '\0')
		return c->body[0];
	for (size_t i = 0; i < FILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return c->body[i];
	return NULL;
}

enum mm_err console_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct http_body *body = find(is->console, http_arg(rq, 0));
	if (body == NULL)
		return why_say(http_why(rq), MM_ERR_NOT_FOUND, NULL,
			       "the console has no such file");
	http_set(rq, "Cache-Control", "no-cache"); /* kept, but asked for */
	http_set(rq, "Content-Security-Policy", CSP);
	http_set(rq, "Cross-Origin-Opener-Policy", "same-origin");
	http_set(rq, "X-Content-Type-Options", "nosniff");
	http_set(rq, "Referrer-Policy", "no-referrer");
	return http_reply_prepared(rq, body);
}

/* Relative: a proxy may serve us below a path. */
enum mm_err console_move(void *app, struct http_request *rq)
{
	(void)app;
	http_set(rq, "Location", "console/");
	return http_reply(rq, 308, NULL, span_str(""));
}
