/* publish_read.c - what is read from the replica, and how well it follows. */
#include "common/clock.h"
#include "issuer/publish_internal.h"

/* Who is ahead asks again within half a minute, for as long as it is. */
#define OUTRUN_MS 600000
/* What was read longer ago is old: the store does not answer, or this process
 * was frozen, and others may have gone on. */
#define FOLLOWING_MS 5000

uint64_t publisher_seq(struct publisher *p)
{
	pthread_rwlock_rdlock(&p->state);
	uint64_t seq = p->replica.seq;
	pthread_rwlock_unlock(&p->state);
	return seq;
}

struct jwk *publisher_key(struct publisher *p, const char *kid)
{
	pthread_rwlock_rdlock(&p->state);
	struct jwk *k = jwk_set_find(&p->replica.keys, kid);
	if (k != NULL)
		jwk_hold(k);
	pthread_rwlock_unlock(&p->state);
	return k;
}

static bool is_old(const struct publisher *p)
{
	return clock_ms() - p->good_round.ms >= FOLLOWING_MS;
}

bool publish_is_deaf(struct publisher *p)
{
	return store_is_shared(p->store) && is_old(p);
}

/* What is not followed any more must not look fresh: nothing is signed, and
 * readers' own bounds of staleness do the rest. */
enum mm_err publish_check(struct publisher *p, int64_t *as_of)
{
	pthread_mutex_lock(&p->lock);
	bool following = p->following && !is_old(p);
	*as_of = p->good_round.now;
	pthread_mutex_unlock(&p->lock);
	return following ? MM_OK : MM_ERR_UNAVAILABLE;
}

enum mm_err publisher_alive(struct publisher *p, const struct claims *c,
			    int64_t now, int64_t *last_use)
{
	int64_t used = 0, as_of;
	TRY(publish_check(p, &as_of));
	enum mm_err e = MM_ERR_REVOKED; /* unknown is not innocent */
	pthread_rwlock_rdlock(&p->state);
	const struct list *l = replica_list(&p->replica, c->list);
	if (l != NULL && c->idx < l->size) {
		used = l->last_use ? l->last_use[c->idx] : 0;
		e = claims_alive(c, status_get(l->status, c->idx), used, now);
	}
	pthread_rwlock_unlock(&p->state);
	if (e == MM_OK)
		*last_use = used;
	return e;
}

void publisher_stats(struct publisher *p, struct publisher_stats *out)
{
	pthread_rwlock_rdlock(&p->state);
	out->seq = p->replica.seq;
	out->lists = p->replica.list_count;
	out->keys = p->replica.keys.count;
	pthread_rwlock_unlock(&p->state);
	pthread_mutex_lock(&p->lock);
	int64_t now = clock_ms();
	out->waiting = p->polls.count;
	out->following = p->following;
	out->round_ms = now - p->round_at;
	out->good_round_ms = now - p->good_round.ms;
	pthread_mutex_unlock(&p->lock);
	out->silent = publish_is_silent(p);
	int64_t ahead_at = atomic_load(&p->ahead_at);
	out->outrun = publish_loss_is_said(p) ||
		      (ahead_at != 0 && now - ahead_at < OUTRUN_MS);
}
