/* forget.c - what the store keeps no longer, a little in each round.
 *
 * One statement for all of it would hold up every change, on PostgreSQL those
 * of all issuers, and fail when it took too long, again and again.
 */
#include "issuer/forget.h"

#include "common/clock.h"
#include "common/log.h"

#define REPEATS_KEPT 86400 /* seconds: who asks again does so soon */
#define SLICE_MOST   500   /* rows in one transaction */
#define ROUND_MS     300   /* for slices of one kind */

static enum mm_err some_repeats(struct forget *f, int64_t now, size_t *done)
{
	return store_forget_repeats(f->store, now - REPEATS_KEPT, SLICE_MOST,
				    done);
}

static enum mm_err some_events(struct forget *f, int64_t now, size_t *done)
{
	return store_forget_events(f->store, now - f->feed_retain, SLICE_MOST,
				   done);
}

static enum mm_err some_addresses(struct forget *f, int64_t now, size_t *done)
{
	(void)now;
	return store_forget_addresses(f->store, &f->seen, SLICE_MOST, done);
}

static struct trouble repeats = TROUBLE_SWEEP("repeats"),
		      events = TROUBLE_SWEEP("events");

static const struct {
	enum mm_err (*some)(struct forget *, int64_t, size_t *);
	struct trouble *trouble; /* NULL: it has words of its own */
} kinds[FORGETS] = {
	[FORGET_REPEATS] = { some_repeats, &repeats },
	[FORGET_EVENTS] = { some_events, &events },
	[FORGET_ADDRESSES] = { some_addresses, NULL },
};

/* What fails waits for the next slow round: it may have taken its time. */
static enum mm_err forget_kind(struct forget *f, int kind, int64_t now)
{
	int64_t until = clock_ms() + ROUND_MS;
	size_t done;
	f->due[kind] = false;
	do
		TRY(kinds[kind].some(f, now, &done));
	while (done >= SLICE_MOST && clock_ms() < until);
	f->due[kind] = done >= SLICE_MOST;
	return MM_OK;
}

static void say_addresses(const char *detail)
{
	log_event(LOG_NOTICE, "forget.addresses", "detail=%s", detail);
}

/* Whoever has set keep_addresses off is to know when it is so. */
static void forget_addresses(struct forget *f)
{
	enum mm_err e = forget_kind(f, FORGET_ADDRESSES, 0);
	f->ended = e == MM_OK && !f->due[FORGET_ADDRESSES];
	if (e != MM_OK)
		log_event(LOG_ERR, "forget.addresses",
			  "reason=%s detail=addresses that were kept are in "
			  "the store still, though keep_addresses is off; it "
			  "is tried again every minute",
			  mm_err_word(e));
	else if (f->ended && f->begun)
		say_addresses("no address is kept any more");
	else if (!f->ended && !f->begun)
		say_addresses("keep_addresses is off: those that were kept are "
			      "being forgotten, which takes a while");
	f->begun = !f->ended;
}

/* Addresses first: it is not the clock that says whether they are kept. */
void forget_round(struct forget *f, int64_t now, bool steady, bool slow)
{
	f->due[FORGET_ADDRESSES] |= slow;
	if (f->due[FORGET_ADDRESSES] && !f->keep_addresses && !f->ended)
		forget_addresses(f);
	for (int kind = 0; kind < FORGET_ADDRESSES && steady; kind++) {
		f->due[kind] |= slow;
		if (f->due[kind])
			trouble_note(kinds[kind].trouble,
				     forget_kind(f, kind, now), NULL,
				     clock_ms());
	}
}
