/* refusals.c - calls that were refused, as the audit has them. */
#include "issuer/refusals.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/caller.h"

struct refusals {
	pthread_mutex_t lock;
	int64_t minute;
	uint64_t taken; /* in it */
	uint64_t left_out;
};

struct refusals *refusals_new(void)
{
	struct refusals *r = calloc(1, sizeof *r);
	if (r != NULL)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

void refusals_free(struct refusals *r)
{
	free(r);
}

bool refusals_take(struct refusals *r, int64_t now, uint64_t *left_out)
{
	pthread_mutex_lock(&r->lock);
	if (r->minute != now / 60) {
		r->minute = now / 60;
		r->taken = 0;
	}
	bool take = r->taken < REFUSALS_A_MINUTE;
	*left_out = r->left_out;
	r->taken += take;
	r->left_out = take ? 0 : r->left_out + 1;
	pthread_mutex_unlock(&r->lock);
	return take;
}

/* Who was refused, as far as that is known. */
static struct stamp refused_stamp(struct http_request *rq,
				  char address[ADDRESS_SIZE])
{
	if (caller_of(rq) != NULL)
		return caller_stamp(rq);
	http_peer(rq, address);
	return (struct stamp){ .at = clock_now(),
			       .address = address,
			       .request = http_request_id(rq) };
}

static enum mm_err put(struct issuer *is, struct http_request *rq,
		       const char *event, enum mm_err reason, uint64_t left_out)
{
	char address[ADDRESS_SIZE], detail[512], more[48] = "";
	struct stamp stamp = refused_stamp(rq, address);
	if (left_out != 0)
		snprintf(more, sizeof more, " (and %llu before it)",
			 (unsigned long long)left_out);
	snprintf(detail, sizeof detail, "%s %.256s: %s%s", http_method(rq),
		 http_path(rq), mm_err_word(reason), more);
	return store_audit(
		is->store,
		&(struct audit_entry){ .event = event, .detail = detail },
		&stamp);
}

void issuer_refused(void *app, struct http_request *rq,
		    const struct http_route *route, enum mm_err e)
{
	struct issuer *is = app;
	bool sign_in = route->need == NEED_SIGN_IN;
	uint64_t left_out;
	if (!sign_in && route->need != NEED_ADMIN && mm_err_http(e) != 403)
		return;
	if (!refusals_take(is->refusals, clock_now(), &left_out))
		return;
	enum mm_err failed =
		put(is, rq, sign_in ? "console.refused" : "call.refuse", e,
		    left_out);
	if (failed != MM_OK)
		log_event(LOG_ERR, "audit.lost",
			  "request=%s reason=%s detail=a refused call is not "
			  "in the audit",
			  http_request_id(rq), mm_err_word(failed));
}
