/* http_fixture.h - a program behind the HTTP server, for its tests: handlers
 * for everything that one may do, and a server for one test. */
#ifndef MM_TESTS_HTTP_FIXTURE_H
#define MM_TESTS_HTTP_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "common/http.h"
#include "common/log.h"

/* ---- a program: its handlers, and what they remember ---- */

enum { HELD_MAX = 1100 };

struct app {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_request *held[HELD_MAX];
	size_t held_count, blocked;
	bool let_go; /* handlers of /block may go on */
	struct http_body *shared, *prepared;
};

static inline enum mm_err say(struct http_request *rq, const char *text)
{
	return http_reply(rq, 200, "text/plain", span_str(text));
}

static inline enum mm_err hello(void *app, struct http_request *rq)
{
	(void)app;
	return say(rq, "hello");
}

static inline enum mm_err args(void *app, struct http_request *rq)
{
	char text[256];
	(void)app;
	snprintf(text, sizeof text, "%s|%s|%s", http_arg(rq, 0),
		 http_arg(rq, 1), http_path(rq));
	return say(rq, text);
}

static inline enum mm_err query(void *app, struct http_request *rq)
{
	const char *q = http_query(rq, "q");
	(void)app;
	return say(rq, q ? q : "(none)");
}

static inline enum mm_err body(void *app, struct http_request *rq)
{
	(void)app;
	return http_reply(rq, 200, "text/plain", http_body_bytes(rq));
}

static inline enum mm_err shared(void *app, struct http_request *rq)
{
	struct app *a = app;
	return http_reply_shared(rq, 200, a->shared);
}

static inline enum mm_err prepared(void *app, struct http_request *rq)
{
	struct app *a = app;
	return http_reply_prepared(rq, a->prepared);
}

static inline enum mm_err hold(void *app, struct http_request *rq)
{
	struct app *a = app;
	pthread_mutex_lock(&a->lock);
	http_hold(rq);
	a->held[a->held_count++] = rq;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	return MM_OK;
}

static inline enum mm_err block(void *app, struct http_request *rq)
{
	struct app *a = app;
	pthread_mutex_lock(&a->lock);
	a->blocked++;
	pthread_cond_broadcast(&a->changed);
	while (!a->let_go)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return say(rq, "done");
}

static inline enum mm_err silent(void *app, struct http_request *rq)
{
	(void)app;
	(void)rq;
	return MM_OK;
}

static inline enum mm_err gone(void *app, struct http_request *rq)
{
	(void)app;
	return why_say(http_why(rq), MM_ERR_GONE, "after",
		       "take the \"snapshot\"\n\xFF");
}

static inline enum mm_err headers(void *app, struct http_request *rq)
{
	const char *ua = http_header(rq, "user-agent");
	(void)app;
	*http_data(rq) = strdup("freed by the server");
	http_set(rq, "ETag", "\"1\"");
	http_set(rq, "cache-control", "max-age=60");
	return say(rq, ua ? ua : "(none)");
}

static inline enum mm_err whole(void *app, struct http_request *rq)
{
	char text[256];
	(void)app;
	snprintf(text, sizeof text, "%s %s|%s", http_method(rq), http_path(rq),
		 http_query(rq, "q") ? "read" : "unread");
	return say(rq, text);
}

/* Of the headers, until there is a Stop. */
static inline bool list_one(void *ctx, const char *name, const char *value)
{
	buf_fmt(ctx, "%s=%s;", name, value);
	return strcmp(name, "Stop") != 0;
}

static inline enum mm_err list(void *app, struct http_request *rq)
{
	AUTO_BUF struct buf b = buf_new(1024);
	struct span text;
	(void)app;
	http_headers(rq, list_one, &b);
	enum mm_err e = buf_done(&b, &text);
	return e == MM_OK ? http_reply(rq, 200, "text/plain", text) : e;
}

static inline enum mm_err peer(void *app, struct http_request *rq)
{
	char text[128], address[ADDRESS_SIZE];
	unsigned uid;
	(void)app;
	bool local = http_is_local(rq, &uid);
	http_peer(rq, address);
	snprintf(text, sizeof text, "%s %d %s", local ? "local" : "far",
		 local ? (int)uid : -1, address);
	return say(rq, text);
}

enum { FREE, DENIED };

static inline enum mm_err allow(void *app, struct http_request *rq,
				const struct http_route *route)
{
	(void)app;
	return route->need == DENIED
		       ? why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
				 "who are you?")
		       : MM_OK;
}

static const struct http_route routes[] = {
	{ "GET", "/", HTTP_NOW, 0, hello, FREE },
	{ "GET", "/hello", HTTP_NOW, 0, hello, FREE },
	{ "GET", "/tail/", HTTP_NOW, 0, hello, FREE },
	{ "GET", "/a/{}", HTTP_NOW, 0, args, FREE },
	{ "DELETE", "/a/{}", HTTP_NOW, 0, args, FREE },
	{ "GET", "/a/{}/b/{}", HTTP_NOW, 0, args, FREE },
	{ "GET", "/a/{}/c", HTTP_NOW, 0, args, FREE },
	{ "GET", "/query", HTTP_NOW, 0, query, FREE },
	{ "POST", "/body", HTTP_NOW, 64, body, FREE },
	{ "POST", "/work", HTTP_WORK, 64, body, FREE },
	{ "GET", "/shared", HTTP_NOW, 0, shared, FREE },
	{ "GET", "/prepared", HTTP_NOW, 0, prepared, FREE },
	{ "GET", "/hold", HTTP_NOW, 0, hold, FREE },
	{ "GET", "/hold-work", HTTP_WORK, 0, hold, FREE },
	{ "GET", "/hold-crowd", HTTP_CROWD, 0, hold, FREE },
	{ "GET", "/block", HTTP_WORK, 0, block, FREE },
	{ "GET", "/block-crowd", HTTP_CROWD, 0, block, FREE },
	{ "GET", "/block-now", HTTP_NOW, 0, block, FREE },
	{ "GET", "/silent", HTTP_NOW, 0, silent, FREE },
	{ "GET", "/silent-work", HTTP_WORK, 0, silent, FREE },
	{ "GET", "/gone", HTTP_NOW, 0, gone, FREE },
	{ "GET", "/gone-work", HTTP_WORK, 0, gone, FREE },
	{ "GET", "/headers", HTTP_NOW, 0, headers, FREE },
	{ "GET", "/peer", HTTP_NOW, 0, peer, FREE },
	{ "GET", "/denied", HTTP_NOW, 0, hello, DENIED },
	{ "GET", "/star", HTTP_NOW, 0, query, FREE },
	{ "*", "/star/*", HTTP_NOW, 0, whole, FREE },
	{ "GET", "/list", HTTP_NOW, 0, list, FREE },
	{ .method = NULL },
};

/* ---- a server for one test ---- */

struct fixture {
	struct app app;
	struct http_options opt;
	struct http_server *server;
};

static inline void prepare(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	pthread_mutex_init(&f->app.lock, NULL);
	pthread_cond_init(&f->app.changed, NULL);
	f->app.shared = http_body_new("text/x-shared", span_str("shared!"));
	assert_non_null(f->app.shared);
	f->opt = (struct http_options){ .routes = routes,
					.app = &f->app,
					.allow = allow,
					.host = "127.0.0.1",
					.workers = 2,
					.pollers = 2,
					.connections = 1500 };
}

static inline void start(struct fixture *f)
{
	struct why why = { .text = "" };
	enum mm_err e = http_start(&f->opt, &f->server, &why);
	if (e != MM_OK)
		fail_msg("%s", why.text);
}

static inline void finish(struct fixture *f)
{
	http_stop(f->server);
	http_body_drop(f->app.shared);
	http_body_drop(f->app.prepared);
	pthread_cond_destroy(&f->app.changed);
	pthread_mutex_destroy(&f->app.lock);
}

static inline void wait_for(struct app *a, const size_t *counter, size_t n)
{
	pthread_mutex_lock(&a->lock);
	while (*counter < n)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

static inline void let_go(struct app *a)
{
	pthread_mutex_lock(&a->lock);
	a->let_go = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static inline void *release_all(void *app)
{
	struct app *a = app;
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->held_count; i++) {
		http_reply_shared(a->held[i], 200, a->shared);
		http_release(a->held[i]);
	}
	a->held_count = 0;
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static inline void release_from_another_thread(struct app *a)
{
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, release_all, a), 0);
	pthread_join(t, NULL);
}

/* For the whole program: both ends of all connections are in it. */
static inline int set_up_group(void **state)
{
	struct rlimit files;
	(void)state;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	log_set_level(LOG_CRIT);
	return 0;
}

#endif
