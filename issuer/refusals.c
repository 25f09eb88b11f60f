/* refusals.c - calls that were refused, as the audit has them. */
#include "issuer/refusals.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/caller.h"

struct bucket {
	int64_t minute;
	unsigned taken; /* in it */
	uint64_t left_out;
};

struct refusals {
	pthread_mutex_t lock;
	struct bucket known, strangers;
	struct {
		uint32_t list, idx;
	} of[REFUSALS_A_MINUTE]; /* whose those were that are known.taken */
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

/* ---- how many ---- */

static bool may_stranger(struct refusals *r)
{
	return r->strangers.taken == 0;
}

/* Remembers it, if so. */
static bool may_known(struct refusals *r, const struct caller *by)
{
	unsigned taken = r->known.taken, his = 0;
	for (unsigned i = 0; i < taken; i++)
		his += r->of[i].list == by->list && r->of[i].idx == by->idx;
	if (taken == REFUSALS_A_MINUTE || his == REFUSALS_OF_A_TOKEN)
		return false;
	r->of[taken].list = by->list;
	r->of[taken].idx = by->idx;
	return true;
}

bool refusals_take(struct refusals *r, const struct caller *by, int64_t now,
		   uint64_t *left_out)
{
	struct bucket *b = by ? &r->known : &r->strangers;
	pthread_mutex_lock(&r->lock);
	if (b->minute != now / 60) {
		b->minute = now / 60;
		b->taken = 0;
	}
	bool take = by ? may_known(r, by) : may_stranger(r);
	*left_out = b->left_out;
	b->taken += take;
	b->left_out = take ? 0 : b->left_out + 1;
	pthread_mutex_unlock(&r->lock);
	return take;
}

uint64_t refusals_rest(struct refusals *r, bool known, int64_t now)
{
	struct bucket *b = known ? &r->known : &r->strangers;
	uint64_t n = 0;
	pthread_mutex_lock(&r->lock);
	if (now / 60 > b->minute + 1) {
		n = b->left_out;
		b->left_out = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* ---- written down ---- */

static void lost(const char *request, enum mm_err e)
{
	log_event(LOG_ERR, "audit.lost",
		  "request=%s reason=%s detail=a refused call is not in the "
		  "audit",
		  request, mm_err_word(e));
}

void refusals_save(struct refusals *r, struct store *store, int64_t now)
{
	static const char *const whose[] = { "strangers", "known callers" };
	const struct stamp stamp = { .by = "mintmarkd", .at = clock_now() };
	for (int known = 0; known < 2; known++) {
		char detail[96];
		uint64_t n = refusals_rest(r, known, now);
		if (n == 0)
			continue;
		snprintf(detail, sizeof detail, "%llu more, of %s",
			 (unsigned long long)n, whose[known]);
		enum mm_err e = store_audit(
			store,
			&(struct audit_entry){ .event = "call.refuse",
					       .detail = detail },
			&stamp);
		if (e != MM_OK)
			lost("", e);
	}
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
	if (!refusals_take(is->refusals, caller_of(rq), clock_now(), &left_out))
		return;
	enum mm_err failed =
		put(is, rq, sign_in ? "console.refused" : "call.refuse", e,
		    left_out);
	if (failed != MM_OK)
		lost(http_request_id(rq), failed);
}
