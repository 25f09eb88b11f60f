/* follow_ask.c - one question to the issuer, and its answer taken in. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "verifier/follow_internal.h"

#define JWKS_MAX	(256u * 1024)
#define JWKS_PATH	"/.well-known/jwks.json"
#define JWKS_TIMEOUT_MS 10000
#define JWKS_PAUSE_MS	30000 /* an unknown kid is no reason for a flood */
#define POLL_GRACE_MS	10000
#define TRIAL_MS	2000 /* for a relay that is tried again */
#define POLL_WAIT_MAX	25
#define CHOICE_GRACE_MS 2000
#define CHOICE_WAIT_MAX 5
#define VIA_MAX		896 /* of some thirty relays */

/* ---- whom to trust first ---- */

/* Once there is a replica, its keys are kept by the feed.  The pinned file
 * then only counts if it was put there after the last news: an older one
 * may still hold a key that was compromised since. */
static bool pinned_counts(const struct follower *f)
{
	struct stat st;
	return !f->keep.holds ||
	       (stat(f->jwks_file, &st) == 0 && st.st_mtime > f->keep.fresh_at);
}

static enum mm_err read_jwks(struct follower *f, struct buf *text,
			     struct why *why)
{
	struct link_ask ask = { .path = JWKS_PATH,
				.no_relay = true,
				.timeout_ms = JWKS_TIMEOUT_MS };
	if (f->jwks_file[0] == '\0') /* over https, or from this host */
		return link_run(&f->link, &ask, text, why);
	if (pinned_counts(f))
		return buf_read_others_file(text, f->jwks_file, true, why);
	return why_say(why, MM_ERR_UNKNOWN_KEY, NULL,
		       "the feed is signed by a key that %.150s does not "
		       "announce: has it been replaced?  Then put the new one "
		       "there",
		       f->jwks_file);
}

/* Nothing here is believed any more.  The steady clock has a say, too: by one
 * that is behind no news are ever old. */
static bool is_stale(const struct follower *f)
{
	return clock_now() - f->keep.fresh_at > f->opt.max_staleness ||
	       keep_fresh_at(&f->keep) == 0;
}

/* Only at first contact, or when there is nothing to lose: from then on new
 * keys are trusted because known ones announce them. */
static bool may_ask_keys(const struct follower *f)
{
	return !f->keep.holds || f->jwks_file[0] != '\0' || is_stale(f);
}

static enum mm_err refresh_keys(struct follower *f, struct why *why)
{
	AUTO_BUF struct buf text = buf_new(JWKS_MAX);
	struct span json;
	if (!may_ask_keys(f))
		return MM_ERR_UNKNOWN_KEY;
	if (clock_ms() < f->next_jwks)
		return MM_ERR_UNKNOWN_KEY;
	TRY(read_jwks(f, &text, why));
	TRY(buf_done(&text, &json));
	jwk_set_clear(&f->trusted);
	f->next_jwks = clock_ms() + JWKS_PAUSE_MS;
	return jwk_set_from_json(json, &f->trusted, why);
}

/* ---- passing on ---- */

static void pass(struct follower *f, const struct follower_object *o)
{
	f->passed_iat = o->jws.at != NULL ? f->keep.replica.iat : 0;
	if (f->opt.pass != NULL)
		f->opt.pass(f->opt.pass_ctx, o);
}

/* What was passed on so far leads nobody on. */
static void pass_nothing(struct follower *f)
{
	const struct follower_object o = { .upto = f->keep.replica.seq };
	pass(f, &o);
}

/* Does it come from ourselves, by whatever way?  Then news never would. */
static enum mm_err check_way(const struct follower *f, struct buf *lines,
			     struct span *via, struct why *why)
{
	TRY(buf_done(lines, via));
	if (f->opt.relay_id == NULL ||
	    strstr((const char *)via->at, f->opt.relay_id) == NULL)
		return MM_OK;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "%.200s follows this very relay: a circle hears no news",
		       link_url(&f->link));
}

/* Only what says something new, be it that time has passed: of two relays that
 * follow each other neither tells the other what it has from it. */
static void pass_batch(struct follower *f, struct span jws, struct span via,
		       uint64_t from)
{
	const struct follower_object o = { jws, f->link.at, via, from,
					   f->keep.replica.seq };
	if (o.upto != from || f->keep.replica.iat > f->passed_iat)
		pass(f, &o);
}

/* ---- taking an answer in ---- */

bool follow_is_behind(struct follower *f)
{
	pthread_mutex_lock(&f->keep.lock);
	bool behind = keep_is_behind(&f->keep);
	pthread_mutex_unlock(&f->keep.lock);
	return behind;
}

typedef enum mm_err taker(struct keeper *, struct span, const struct jwk_set *,
			  int64_t, struct why *);

/* What was taken and cannot be shown is no fault of the answer: the state file
 * is tried again, and meanwhile told of by itself. */
static enum mm_err take(struct follower *f, taker *into, struct span jws,
			struct why *why)
{
	enum mm_err e = into(&f->keep, jws, &f->trusted, clock_now(), why);
	if (e == MM_ERR_UNKNOWN_KEY) {
		TRY(refresh_keys(f, why));
		e = into(&f->keep, jws, &f->trusted, clock_now(), why);
	}
	bool no_room = e == MM_ERR_FULL || e == MM_ERR_IO;
	if (no_room && follow_is_behind(f))
		e = MM_OK;
	if (e == MM_OK) /* from here on the feed says which keys there are */
		jwk_set_clear(&f->trusted);
	return e;
}

static enum mm_err ask_snapshot(struct follower *f, struct why *why)
{
	AUTO_BUF struct buf body = buf_new(SNAPSHOT_MAX);
	struct link_ask ask = { .path = "/v1/snapshot",
				.with_token = true,
				.timeout_ms = LINK_SNAPSHOT_MS };
	struct span jws;
	if (!f->keep.holds && f->trusted.count == 0)
		TRY(refresh_keys(f, why));
	TRY(link_run(&f->link, &ask, &body, why));
	TRY(buf_done(&body, &jws));
	TRY(take(f, keep_take_snapshot, jws, why));
	f->want_snapshot = false;
	pass_nothing(f);
	return MM_OK;
}

/* ---- polling ---- */

/* Whoever is silent may be frozen, or cut off: where there is somebody else to
 * ask, that is to be found out soon. */
static bool has_choice(const struct follower *f)
{
	return f->link.to->count + f->link.to->relays > 1;
}

/* News must come well within max_staleness.  The first poll is answered at
 * once: it says where we stand, and gives a relay something to hand on. */
static int64_t wait_for(struct follower *f)
{
	int64_t wait = f->opt.max_staleness / 3;
	int64_t most = has_choice(f) ? CHOICE_WAIT_MAX : POLL_WAIT_MAX;
	bool has_none = f->opt.pass != NULL && f->passed_iat == 0;
	if (!f->connected || f->link.trying || has_none || follow_is_behind(f))
		return 0;
	return wait < 1 ? 1 : wait < most ? wait : most;
}

/* What an answer may take besides. */
static long grace_ms(const struct follower *f)
{
	if (f->link.trying)
		return TRIAL_MS; /* the wait is 0 */
	return f->connected && has_choice(f) ? CHOICE_GRACE_MS : POLL_GRACE_MS;
}

/* A good signature on old news: somebody holds the feed still.  But who was far
 * behind, at `from`, is led on by batches that say nothing of today. */
static enum mm_err check_thawed(const struct follower *f, uint64_t from,
				struct why *why)
{
	if (f->keep.replica.seq != from || !is_stale(f))
		return MM_OK;
	if (f->keep.doubt)
		return why_say(why, MM_ERR_STALE, NULL,
			       "what is kept here is dated ahead of our clock, "
			       "and %.200s has nothing newer: which of the "
			       "clocks goes wrong?",
			       link_url(&f->link));
	return why_say(why, MM_ERR_STALE, NULL,
		       "the newest that %.200s has to say is older than "
		       "max-staleness: does its clock, or ours, go wrong, or "
		       "is it a relay with a longer one?",
		       link_url(&f->link));
}

static enum mm_err poll_feed(struct follower *f, struct why *why)
{
	AUTO_BUF struct buf body = buf_new(FEED_BATCH_MAX);
	AUTO_BUF struct buf lines = buf_new(VIA_MAX);
	char path[128];
	struct span jws, via;
	int64_t wait = wait_for(f);
	struct link_ask ask = { .path = path,
				.with_token = true,
				.via = &lines,
				.timeout_ms = wait * 1000 + grace_ms(f) };
	snprintf(path, sizeof path,
		 "/v1/feed?after=%" PRIu64 "&wait=%" PRId64 "&epoch=%s",
		 f->keep.replica.seq, wait, f->keep.replica.epoch);

	enum mm_err e = link_run(&f->link, &ask, &body, why);
	if (e == MM_ERR_GONE) {
		f->want_snapshot = true;
		return MM_OK;
	}
	TRY(e);
	TRY(check_way(f, &lines, &via, why));
	TRY(buf_done(&body, &jws));
	uint64_t from = f->keep.replica.seq;
	e = take(f, keep_take_batch, jws, why);
	/* Perhaps history was lost, or an event does not fit what we hold:
	 * the snapshot tells.  What is lost fits to who stands before it. */
	if (e == MM_ERR_EPOCH || e == MM_ERR_MALFORMED)
		f->want_snapshot = true;
	if (e == MM_ERR_EPOCH || e == MM_ERR_ROLLBACK)
		pass_nothing(f);
	TRY(e);
	pass_batch(f, jws, via, from);
	return check_thawed(f, from, why);
}

/* First the news, then the file that was not made for want of room: what is
 * revoked by now is not let in for a moment.  Where there are none, what is
 * held shows all the same. */
enum mm_err follow_ask(struct follower *f, struct why *why)
{
	f->whole = !f->keep.holds || f->want_snapshot;
	enum mm_err e = f->whole ? ask_snapshot(f, why) : poll_feed(f, why);
	if (e != MM_OK && follow_is_behind(f))
		(void)!keep_show(&f->keep, NULL);
	return e;
}
