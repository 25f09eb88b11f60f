/* keep_take.c - signed objects from the feed: checked, applied, kept, shown.
 *
 * The refusals are those of The Update Framework: forged, of another issuer,
 * rolled back, with a gap, mixed of two histories, endless.  (A feed that
 * stands still is caught by the readers: the state goes stale.) */
#include <stdlib.h>

#include "common/clock.h"
#include "verifier/keep.h"

/* ---- opening ---- */

struct object {
	struct buf payload;
	struct span text;
	bool by_also; /* signed by a key that the replica does not hold */
};
static void object_free(struct object *o)
{
	buf_free(&o->payload);
}
#define AUTO_OBJECT __attribute__((cleanup(object_free)))

static enum mm_err open_object(const struct keeper *k, struct span jws,
			       const char *typ, const struct jwk_set *also,
			       struct object *o)
{
	if (jws.len > o->payload.limit)
		return MM_ERR_TOO_LARGE;
	enum mm_err e = jws_open(jws, typ, &k->replica.keys, &o->payload);
	if (e == MM_ERR_UNKNOWN_KEY && also != NULL) {
		e = jws_open(jws, typ, also, &o->payload);
		o->by_also = true;
	}
	TRY(e);
	return buf_done(&o->payload, &o->text);
}

/* clang-format off */
static const struct {
	enum mm_err e;
	const char *text;
} refusals[] = {
	{ MM_ERR_TOO_LARGE,     "it is larger than any we would take" },
	{ MM_ERR_MALFORMED,     "it is not what it should be" },
	{ MM_ERR_BAD_SIGNATURE, "its signature is not the issuer's" },
	{ MM_ERR_UNKNOWN_KEY,   "it is signed by a key that nothing we trust "
				"has announced (keys/README.md, The way back "
				"in, has what to do)" },
	{ MM_ERR_WRONG_ISSUER,  "it is another issuer's; of several --issuer the "
				"first has to be the name that is in its "
				"tokens (iss)" },
	{ MM_ERR_ROLLBACK,      "it is older than what we hold (was the issuer "
				"restored from a backup?)" },
	{ MM_ERR_GAP,           "events are missing before it" },
	{ MM_ERR_EPOCH,         "it belongs to another history of the issuer" },
};
/* clang-format on */

static enum mm_err refuse(struct why *why, enum mm_err e, const char *what)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (refusals[i].e == e)
			return why_say(why, e, NULL, "the %s is refused: %s",
				       what, refusals[i].text);
	return why_say(why, e, NULL, "the %s cannot be taken: %s", what,
		       mm_err_word(e));
}

/* ---- batches ---- */

struct changes {
	struct event *at;
	size_t count, cap;
	bool out_of_memory; /* then the state file is made whole instead */
};
static void changes_free(struct changes *c)
{
	free(c->at);
}
#define AUTO_CHANGES __attribute__((cleanup(changes_free)))

static void note_change(void *ctx, const struct event *e)
{
	struct changes *c = ctx;
	if (c->count == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 8;
		struct event *more = reallocarray(c->at, cap, sizeof *more);
		if (more == NULL) {
			c->out_of_memory = true;
			return;
		}
		c->at = more;
		c->cap = cap;
	}
	c->at[c->count++] = *e;
}

/* One event in the live file.  False: it takes a new one. */
static bool show_event(struct keeper *k, const struct event *e)
{
	switch (e->type) {
	case EVENT_STATUS:
		return state_put_status(&k->live, e->list, e->idx, e->value) ==
		       MM_OK;
	case EVENT_RENEW:
		return state_raise_use(&k->live, e->list, e->idx,
				       e->last_use) == MM_OK;
	default:
		return false;
	}
}

/* Into a live file that showed all that was before them. */
static bool show_in_place(struct keeper *k, const struct changes *c)
{
	pthread_mutex_lock(&k->lock);
	bool done = k->live.head != NULL && !c->out_of_memory &&
		    state_harm(&k->live) == STATE_WHOLE;
	for (size_t i = 0; done && i < c->count; i++)
		done = show_event(k, &c->at[i]);
	if (done) {
		state_put_head(&k->live, k->replica.seq, keep_fresh_at(k));
		k->must_show = false;
	}
	pthread_mutex_unlock(&k->lock);
	return done;
}

/* What was kept is later than our clock: that is behind now, or was ahead then.
 * The issuer, whose news are later still or agree with our clock, says which;
 * a cached object does not, be it the last that was kept. */
static void settle(struct keeper *k, int64_t before, int64_t now)
{
	int64_t iat = k->replica.iat;
	bool agrees = iat >= now - CLOCK_LEEWAY && iat <= now + CLOCK_LEEWAY;
	if (iat <= k->fresh_at && !agrees) {
		k->replica.iat = before;
		return;
	}
	k->doubt = false;
	k->fresh_at = iat;
	k->fresh_ms = clock_ms();
}

/* The newest time at which the issuer was heard.  A cached object does not
 * take it back, and a clock ahead of ours does not take it forward. */
static void note_fresh(struct keeper *k, int64_t before, int64_t now)
{
	if (k->doubt) {
		settle(k, before, now);
		return;
	}
	int64_t passed = (clock_ms() - k->fresh_ms) / 1000;
	bool set_back = now < k->fresh_at + passed;
	if (set_back) /* it says less than it did, and the time since */
		now = k->fresh_at + passed;
	if (k->replica.iat > now + CLOCK_LEEWAY)
		k->replica.iat = before; /* its clock, or ours, is wrong */
	else if (k->replica.iat > now)
		k->replica.iat = now;
	if (k->replica.iat <= k->fresh_at)
		return;
	/* no part of a second is lost: they would add up */
	k->fresh_ms = set_back && k->replica.iat == now
			      ? k->fresh_ms + passed * 1000
			      : clock_ms();
	k->fresh_at = k->replica.iat;
}

/* What was kept is ahead of our clock no more: that was behind, and is set
 * right.  Whoever starts now has no doubt either; and how long nobody was heard
 * the steady clock says, which began when it was resumed. */
static bool is_set_right(const struct keeper *k, int64_t now)
{
	return k->doubt && k->fresh_at <= now + CLOCK_LEEWAY;
}

void keep_note_silence(struct keeper *k, int64_t now)
{
	pthread_mutex_lock(&k->lock);
	bool right = is_set_right(k, now);
	if (right) {
		k->doubt = false;
		k->replica.iat = k->fresh_at;
	}
	bool says_more = right && !k->must_show;
	if (k->live.head != NULL && (says_more || keep_fresh_at(k) == 0) &&
	    state_harm(&k->live) != STATE_CUT)
		state_put_head(&k->live, k->replica.seq, keep_fresh_at(k));
	pthread_mutex_unlock(&k->lock);
}

/* Without a journal the next restart begins where it ends, and asks the
 * issuer for the rest: nothing is wrong, only slower. */
static void keep_durable(struct keeper *k, struct span jws)
{
	(void)!journal_append(&k->journal, jws);
}

static bool has_events(const struct changes *c)
{
	return c->count != 0 || c->out_of_memory;
}

/* From here on the replica has them.  Who makes a new file meanwhile would show
 * them before the journal has them, too: must_show keeps him from it. */
static enum mm_err apply(struct keeper *k, struct span text, struct changes *c,
			 int64_t now)
{
	pthread_mutex_lock(&k->lock);
	int64_t before = k->replica.iat;
	enum mm_err e = batch_apply(&k->replica, text, note_change, c);
	if (e == MM_OK)
		note_fresh(k, before, now);
	k->must_show = k->must_show || has_events(c);
	pthread_mutex_unlock(&k->lock);
	return e;
}

enum mm_err keep_take_batch(struct keeper *k, struct span jws,
			    const struct jwk_set *also, int64_t now,
			    struct why *why)
{
	AUTO_OBJECT struct object o = { .payload = buf_new(FEED_BATCH_MAX) };
	AUTO_CHANGES struct changes c = { .count = 0 };
	bool behind = k->must_show;
	enum mm_err e = open_object(k, jws, TYP_FEED, also, &o);
	if (e == MM_OK)
		e = apply(k, o.text, &c, now);
	bool events = has_events(&c);
	if (e != MM_OK && events) /* broke off in the middle */
		journal_break(&k->journal);
	if (e != MM_OK)
		return refuse(why, e, "batch");
	if (o.by_also) /* a replay would not know the key */
		journal_break(&k->journal);
	if (events)
		keep_durable(k, jws);
	if (behind || !show_in_place(k, &c))
		TRY(keep_show(k, why));
	if (o.by_also)
		return keep_checkpoint(k, why);
	if (events)
		(void)!journal_sync(&k->journal);
	return MM_OK;
}

/* ---- snapshots ---- */

/* A token that was taken for idle comes back with the use that shows that it
 * was not. */
static bool was_revived(const struct list *to, const struct list *from,
			uint32_t i)
{
	return to->last_use != NULL && from->last_use != NULL &&
	       to->last_use[i] > from->last_use[i];
}

static void keep_four(struct list *to, const struct list *from, uint32_t first,
		      bool lost)
{
	for (uint32_t i = first; i < first + 4; i++) {
		unsigned held = status_get(from->status, i);
		bool stays = held == STATUS_REVOKED
				     ? lost || !was_revived(to, from, i)
				     : lost && status_get(to->status, i) ==
						       STATUS_VALID;
		if (stays)
			list_put_status(to, i, held);
	}
}

/* What was revoked is so for ever: no snapshot takes that back, whatever
 * history it is of.  Should the issuer have lost a part of its own (`lost`),
 * what it suspended in that part stays so, too, until it says otherwise. */
static void keep_revocations(struct replica *to, const struct replica *from,
			     bool lost)
{
	for (size_t n = 0; n < from->list_count; n++) {
		const struct list *old = &from->lists[n];
		struct list *l = replica_list(to, old->list);
		uint32_t end = l == NULL		? 0
			       : l->size < old->touched ? l->size
							: old->touched;
		for (uint32_t i = 0; i < end; i += 4)
			if (old->status[i / 4] != 0)
				keep_four(l, old, i, lost);
	}
}

/* Is it a step forward from what we hold? */
static enum mm_err check_forward(const struct keeper *k,
				 const struct replica *r)
{
	if (strcmp(r->iss, k->iss) != 0)
		return MM_ERR_WRONG_ISSUER;
	if (!k->holds)
		return MM_OK;
	if (!strcmp(r->epoch, k->replica.epoch))
		return r->seq < k->replica.seq ? MM_ERR_ROLLBACK : MM_OK;
	return r->iat > k->fresh_at ? MM_OK : MM_ERR_EPOCH;
}

static void adopt(struct keeper *k, struct replica *r, int64_t now)
{
	int64_t before = k->holds ? k->replica.iat : 0;
	pthread_mutex_lock(&k->lock);
	bool lost = k->holds && (k->replica.astray ||
				 strcmp(r->epoch, k->replica.epoch) != 0);
	if (k->holds)
		keep_revocations(r, &k->replica, lost);
	if (k->holds && !lost && k->replica.iat > r->iat)
		r->iat = k->replica.iat; /* a cached one */
	replica_free(&k->replica);
	k->replica = *r;
	*r = (struct replica){ .seq = 0 }; /* transferred */
	k->holds = true;
	k->must_show = true;
	note_fresh(k, before, now);
	pthread_mutex_unlock(&k->lock);
}

/* It may be the issuer's present one all the same: where its clock and ours
 * were ahead once, what is held is dated later than all that will come, for so
 * long. Nobody but a person can tell. */
static enum mm_err refuse_snapshot(const struct keeper *k, enum mm_err e,
				   struct why *why)
{
	if (e != MM_ERR_EPOCH)
		return refuse(why, e, "snapshot");
	return why_say(why, e, NULL,
		       "the snapshot is refused: it belongs to another history "
		       "of the issuer, and is no newer than what is held; if "
		       "that was dated by clocks that were ahead, stop this "
		       "agent, take the .checkpoint and .journal beside %.150s "
		       "away, and start it",
		       k->path);
}

enum mm_err keep_take_snapshot(struct keeper *k, struct span jws,
			       const struct jwk_set *also, int64_t now,
			       struct why *why)
{
	AUTO_OBJECT struct object o = { .payload = buf_new(SNAPSHOT_MAX) };
	__attribute__((cleanup(replica_free))) struct replica r = { .seq = 0 };
	enum mm_err e = open_object(k, jws, TYP_SNAPSHOT, also, &o);
	if (e == MM_OK)
		e = snapshot_read(o.text, &r);
	if (e == MM_OK)
		e = check_forward(k, &r);
	if (e != MM_OK)
		return refuse_snapshot(k, e, why);
	adopt(k, &r, now);
	journal_break(&k->journal); /* it leads nowhere: until the checkpoint */
	/* Shown first: the checkpoint's fsync must not delay a revocation. */
	TRY(keep_show(k, why));
	return keep_checkpoint(k, why);
}
