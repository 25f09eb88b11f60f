/* publish_lost.c - a store that went back under its mint: how that is seen,
 * when it is said, and what is not done any more. */
#include "common/clock.h"
#include "common/log.h"
#include "issuer/publish_internal.h"

/* A database that took over and lacks what was acknowledged last is told by the
 * next one that writes, of whatever issuer, and a new history begins there by
 * itself: health.c has something written every 5 s. */
#define LOST_MS 15000

bool publish_has_lost(struct publisher *p)
{
	return atomic_load(&p->went_back) || atomic_load(&p->lost_at) != 0;
}

static void note_lost(struct publisher *p, uint64_t seq)
{
	p->lost_seq = seq;
	atomic_store(&p->lost_at, clock_ms());
}

/* Of a new history all of it is taken, by agents too: what was lost before is
 * no trouble of this one.  One that is no later than that which we had is no
 * new one: it came back from a backup (docs/decisions/0029). */
void publish_note_history(struct publisher *p, const struct replica *old,
			  int64_t began, bool lost)
{
	bool other = strcmp(old->epoch, p->replica.epoch) != 0;
	if (other && began > p->began) {
		if (atomic_exchange(&p->went_back, false))
			log_event(LOG_NOTICE, "store.new_history",
				  "detail=another history has begun, and what "
				  "store.went_back said is over");
		atomic_store(&p->ahead_at, 0);
		atomic_store(&p->lost_at, 0);
	} else if ((other || lost) && atomic_load(&p->lost_at) == 0) {
		note_lost(p, old->seq);
	}
	p->began = began;
}

/* Its revocations were acknowledged, and agents may hold them.  Said after a
 * good look at the store, which is of the same history still. */
static void say_lost(struct publisher *p)
{
	int64_t since = atomic_load(&p->lost_at);
	int64_t wait = store_is_shared(p->store) ? LOST_MS : 0;
	if (since == 0 || clock_ms() - since < wait)
		return;
	atomic_store(&p->went_back, true);
	atomic_store(&p->lost_at, 0);
	log_event(LOG_ERR, "store.went_back",
		  "seq=%llu detail=the store has lost what mintmarkd had read "
		  "from it: if a backup was put back, stop it, and start "
		  "once with --restored",
		  (unsigned long long)p->lost_seq);
}

/* Events are followed one by one; tokens that are made leave their lines in the
 * audit alone. */
static enum mm_err look(struct publisher *p)
{
	struct newest now;
	enum mm_err e = store_look(p->store, &now);
	if (e == MM_ERR_ROLLBACK && !publish_has_lost(p))
		note_lost(p, p->replica.seq);
	if (e == MM_OK && !publish_has_lost(p)) {
		pthread_rwlock_wrlock(&p->state);
		p->newest = now;
		pthread_rwlock_unlock(&p->state);
	}
	return e == MM_ERR_ROLLBACK ? MM_OK : e;
}

enum mm_err publish_look(struct publisher *p)
{
	TRY(look(p));
	say_lost(p);
	return MM_OK;
}

void publisher_newest(struct publisher *p, struct newest *out)
{
	pthread_rwlock_rdlock(&p->state);
	*out = p->newest;
	pthread_rwlock_unlock(&p->state);
}

/* Where another database has taken over, the next change begins a new history,
 * and there nothing is given twice. */
static bool has_lost_still(struct publisher *p)
{
	if (!publish_has_lost(p))
		return false;
	(void)!store_probe(p->store);
	return !publisher_catch_up(p) || publish_has_lost(p);
}

enum mm_err publisher_check_whole(struct publisher *p, struct why *why)
{
	if (!has_lost_still(p))
		return MM_OK;
	return why_say(
		why, MM_ERR_UNAVAILABLE, NULL,
		"nothing is minted: the mint's store has lost what was "
		"done last, and would give the same ids again; its "
		"administrator has to stop it, and to start it once with "
		"--restored (mintmark doctor)");
}
