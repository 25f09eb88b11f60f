/* publish_lost.c - a store that went back under its mint: how that is seen,
 * when it is said, and what is not done any more. */
#include "common/clock.h"
#include "common/log.h"
#include "issuer/publish_internal.h"
#include "issuer/trouble.h"

/* A database that took over and lacks what was acknowledged last is told by the
 * next one that writes, of whatever issuer, and a new history begins there by
 * itself: health.c has something written every 5 s. */
#define LOST_MS 15000
/* Of a store that others write, too, no mint goes by an older look: this
 * process may have been frozen. */
#define LOOKED_MS 2000
#define UNREAD_MS 10000 /* until one that failed is tried again */

/* ---- what is lost ---- */

static void note(struct loss *l, uint64_t seq)
{
	if (atomic_load(&l->at) != 0)
		return;
	l->seq = seq;
	atomic_store(&l->at, clock_ms());
}

/* It is said by who says losses. */
static void forget(struct publisher *p, struct loss *l)
{
	atomic_store(&l->at, 0);
	if (atomic_exchange(&l->said, false))
		atomic_store(&p->found_again, true);
}

bool publish_has_lost_events(struct publisher *p)
{
	return atomic_load(&p->events.at) != 0;
}

bool publish_has_lost(struct publisher *p)
{
	return publish_has_lost_events(p) || atomic_load(&p->lines.at) != 0;
}

bool publish_loss_is_said(struct publisher *p)
{
	return atomic_load(&p->events.said) || atomic_load(&p->lines.said);
}

/* Of a new history all of it is taken, by agents too: what was lost before is
 * no trouble of this one.  One that is no later than that which we had is no
 * new one: it came back from a backup (docs/decisions/0029). */
void publish_note_history(struct publisher *p, const struct replica *old,
			  int64_t began, bool lost)
{
	bool other = strcmp(old->epoch, p->replica.epoch) != 0;
	if (other && began > p->began) {
		forget(p, &p->events);
		atomic_store(&p->ahead_at, 0);
	} else if (other || lost) {
		note(&p->events, old->seq);
	}
	p->began = began;
}

/* ---- and said ---- */

/* After a good look at the store, which is of the same history still.  What is
 * said of the log is not said once more of the audit. */
static void say(struct publisher *p, struct loss *l)
{
	int64_t since = atomic_load(&l->at);
	int64_t wait = store_is_shared(p->store) ? LOST_MS : 0;
	if (since == 0 || clock_ms() - since < wait ||
	    atomic_exchange(&l->said, true))
		return;
	if (l == &p->lines && publish_has_lost_events(p))
		return;
	log_event(LOG_ERR, "store.went_back",
		  "seq=%llu detail=the store has lost what mintmarkd had read "
		  "from it: if a backup was put back, stop it, and start "
		  "once with --restored",
		  (unsigned long long)l->seq);
}

static void say_found(struct publisher *p)
{
	if (atomic_exchange(&p->found_again, false) && !publish_loss_is_said(p))
		log_event(LOG_NOTICE, "store.whole",
			  "detail=what store.went_back said is over: another "
			  "history has begun, or what was lost is there again");
}

void publish_say_lost(struct publisher *p)
{
	say(p, &p->events);
	say_found(p);
}

/* ---- looking ---- */

/* What is published, and the end of the audit (NULL: it could not be read);
 * once events are lost, how far they had come before. */
static void note_newest(struct publisher *p, const struct newest *end)
{
	struct newest *n = &p->newest;
	pthread_rwlock_wrlock(&p->state);
	if (!publish_has_lost_events(p)) {
		if (strcmp(n->epoch, p->replica.epoch) != 0)
			n->audit.seq = 0; /* it is the old history's */
		memcpy(n->epoch, p->replica.epoch, EPOCH_SIZE);
		n->began = p->began;
		n->seq = p->replica.seq;
		memcpy(n->history, p->replica.history, HISTORY_SIZE);
	}
	if (end != NULL && strcmp(n->epoch, end->epoch) == 0)
		n->audit = end->audit;
	pthread_rwlock_unlock(&p->state);
}

/* What is published does not depend on it: pages of the audit may be damaged,
 * or others have locked it.  Each mint looks for itself, and fails there. */
static struct trouble unread = TROUBLE("audit.unread", "audit.read");

static void look(struct publisher *p)
{
	struct newest end;
	enum mm_err e = store_look(p->store, &end);
	bool looked = e == MM_OK || e == MM_ERR_ROLLBACK;
	note_newest(p, looked ? &end : NULL);
	if (e == MM_ERR_ROLLBACK)
		note(&p->lines, publisher_seq(p));
	else if (e == MM_OK)
		forget(p, &p->lines);
	trouble_note(&unread, looked ? MM_OK : e, NULL, clock_ms());
	p->look_again = clock_ms() + (looked ? 0 : UNREAD_MS);
	say(p, &p->lines);
}

void publisher_look(struct publisher *p)
{
	pthread_mutex_lock(&p->looking);
	if (p->store != NULL && clock_ms() >= p->look_again)
		look(p);
	p->looked_at = clock_ms();
	pthread_mutex_unlock(&p->looking);
}

static bool is_looked_at(struct publisher *p)
{
	pthread_mutex_lock(&p->looking);
	bool looked = clock_ms() - p->looked_at < LOOKED_MS;
	pthread_mutex_unlock(&p->looking);
	return looked || !store_is_shared(p->store);
}

void publisher_newest(struct publisher *p, struct newest *out)
{
	pthread_rwlock_rdlock(&p->state);
	*out = p->newest;
	pthread_rwlock_unlock(&p->state);
}

/* ---- what is not done ---- */

/* Where another database has taken over, the next change begins a new history,
 * and there nothing is given twice. */
static bool has_lost_still(struct publisher *p)
{
	if (!is_looked_at(p))
		publisher_look(p);
	if (!publish_has_lost(p))
		return false;
	(void)!store_probe(p->store);
	if (!publisher_catch_up(p))
		return true;
	publisher_look(p);
	return publish_has_lost(p);
}

enum mm_err publisher_not_whole(struct why *why)
{
	return why_say(
		why, MM_ERR_UNAVAILABLE, NULL,
		"nothing is minted: the mint's store has lost what was "
		"done last, and would give the same ids again; its "
		"administrator has to stop it, and to start it once with "
		"--restored (mintmark doctor)");
}

enum mm_err publisher_check_whole(struct publisher *p, struct why *why)
{
	return has_lost_still(p) ? publisher_not_whole(why) : MM_OK;
}
