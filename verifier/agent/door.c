/* door.c - may this request pass? */
#include "verifier/agent/door.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/http_public.h"
#include "common/loopback.h"
#include "common/settings.h"
#include "verifier/agent/answer.h"
#include "verifier/agent/credentials.h"
#include "verifier/agent/health.h"
#include "verifier/agent/late.h"
#include "verifier/agent/subrequest.h"
#include "verifier/verifier.h"

enum {
	POLLERS = 2,	      /* a flood of forged tokens keeps one busy */
	HEAD_MAX = 24 * 1024, /* cookies of 8 KiB come along, and count twice */
	REPLY_MAX = 4 * 1024, /* a user, scopes, challenges */
};

struct door {
	struct http_server *http;
	char *state;
	int64_t warn_before;
	struct follower *follower;
	struct late late;
	struct door_counts counts;
};

/* ---- answering ---- */

static enum mm_err verify(struct door *d, const struct subrequest *s,
			  struct refused *no, struct mm_token *out)
{
	AUTO_CREDENTIALS struct credentials c;
	TRY(credentials_read(s->authorization, &c));
	struct asked ask = { c.user, s->need.audience, s->from, no->id };
	struct mm_verifier *v = late_get(&d->late);
	return v == NULL ? MM_ERR_UNAVAILABLE
			 : verifier_ask(v, &ask, c.token, out);
}

static enum mm_err count(struct door *d, bool prefixed, enum mm_err e)
{
	struct counter *of = prefixed ? d->counts.prefixed : d->counts.plain;
	counter_add(&of[e], 1);
	return e;
}

/* Its own end, if it has one, has moved a window away by this very use; what no
 * use moves is its limit.  An access token is short, and made anew. */
static bool is_near(const struct door *d, const struct mm_token *t)
{
	return !t->access_token &&
	       t->expires_at - clock_now() <= d->warn_before;
}

static enum mm_err answer(struct door *d, struct http_request *rq,
			  bool prefixed)
{
	struct subrequest s;
	struct mm_token token;
	struct refused no = { .id = "" };
	enum mm_err e = subrequest_read(rq, prefixed, &s);
	if (e != MM_OK)
		return answer_wrong(rq, count(d, prefixed, e));
	no.e = verify(d, &s, &no, &token);
	if (no.e == MM_OK)
		no.e = need_check(&s.need, &token, no.missing);
	switch (count(d, prefixed, no.e)) {
	case MM_OK:
		return answer_pass(rq, &token, is_near(d, &token));
	case MM_ERR_INSUFFICIENT_SCOPE:
		return answer_lacks(rq, &no);
	default:
		return answer_refuse(rq, &no);
	}
}

static enum mm_err door_live(void *door, struct http_request *rq)
{
	(void)door;
	return health_reply_live(rq);
}

static enum mm_err door_ready(void *door, struct http_request *rq)
{
	struct door *d = door;
	return health_reply_ready(rq, late_get(&d->late), d->state,
				  d->follower);
}

static enum mm_err door_ask(void *door, struct http_request *rq)
{
	return answer(door, rq, false);
}

static enum mm_err door_ask_prefixed(void *door, struct http_request *rq)
{
	return answer(door, rq, true);
}

/* clang-format off */
static const struct http_route door_routes[] = {
	{ "GET", "/auth",   HTTP_NOW, 0, door_ask, 0 },
	{ "*",   "/auth/*", HTTP_NOW, 0, door_ask_prefixed, 0 },
	{ "GET", "/health/live",  HTTP_NOW, 0, door_live, 0 },
	{ "GET", "/health/ready", HTTP_NOW, 0, door_ready, 0 },
	{ .method = NULL },
};
/* clang-format on */

/* ---- start and stop ---- */

/* A token is not to travel in the clear, even if its proxy does. */
static enum mm_err fill(const char *listen, char host[256],
			struct http_options *to, struct why *why)
{
	TRY(http_unix_path("listen", listen, &to->socket_path, why));
	if (to->socket_path != NULL) {
		to->socket_mode = 0660;
		return MM_OK;
	}
	to->host = host;
	TRY(address_read(listen, host, &to->port, why));
	if (host_is_loopback(host))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "listen",
		       "--listen %s can be reached from other hosts, and "
		       "subrequests carry tokens: give 127.0.0.1:PORT or "
		       "unix:/PATH",
		       listen);
}

enum mm_err door_check(const char *listen, struct why *why)
{
	char host[256];
	struct http_options opt = { .host = NULL };
	return fill(listen, host, &opt, why);
}

enum mm_err door_start(const struct door_options *o, struct door **out,
		       struct why *why)
{
	char host[256];
	struct door *d = calloc(1, sizeof *d);
	struct http_options opt = { .routes = door_routes,
				    .app = d,
				    .pollers = POLLERS,
				    .head_max = HEAD_MAX,
				    .reply_max = REPLY_MAX };
	if (d == NULL || (d->state = strdup(o->state)) == NULL) {
		free(d);
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	}
	*out = d;
	d->warn_before = o->warn_before;
	d->follower = o->follower;
	const struct mm_options how = {
		.door = "http", .flags = o->access_tokens ? MM_ACCESS_TOKENS : 0
	};
	late_init(&d->late, d->state, &how);
	TRY(fill(o->listen, host, &opt, why));
	return http_start(&opt, &d->http, why);
}

const struct door_counts *door_counts(const struct door *d)
{
	return &d->counts;
}

const struct http_server *door_http(const struct door *d)
{
	return d->http;
}

void door_stop(struct door *d)
{
	if (d == NULL)
		return;
	http_stop(d->http);
	late_end(&d->late);
	free(d->state);
	free(d);
}
