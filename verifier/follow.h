/* follow.h - a thread that follows the issuer's feed and keeps a state file.
 *
 * In mintmark-agent, for all processes of a host; or in a process of its own
 * (mm_open() with a URL), on a private file.  It never writes to a log
 * itself: news go to whoever started it. */
#ifndef MM_VERIFIER_FOLLOW_H
#define MM_VERIFIER_FOLLOW_H

#include "verifier/link.h"

struct follower;

/* Something happened that an operator may want to know of. */
struct follower_news {
	int level;	   /* of syslog(3) */
	const char *event; /* "feed.connected": a literal */
	enum mm_err e;	   /* why, or MM_OK */
	const char *url;
	const char *text; /* a sentence; may be "" */
	uint64_t seq;
};
typedef void follower_say(void *ctx, const struct follower_news *n);

/* Something signed was taken in that says more than what was before it. */
struct follower_object {
	struct span jws; /* a batch, as it came; at NULL: a snapshot, or that
			  * the issuer may have lost what we hold: nothing that
			  * was before it leads on */
	size_t source;	 /* from which address: struct link, at */
	struct span via; /* the relays that it came by, as they say it */
	uint64_t from, upto; /* who stands at `from` has with it the events up
			      * to `upto`; the same: a heartbeat */
};
typedef void follower_pass(void *ctx, const struct follower_object *o);

struct follower_options {
	struct link_target issuer; /* url[0] is the issuer's name */
	const char *state;	   /* path of the state file */
	const char *jwks_file;	   /* pinned keys, or NULL */
	int64_t max_staleness;
	bool report_addresses; /* where tokens were used from, too */
	follower_say *say;     /* from its threads; NULL: nobody listens */
	void *say_ctx;
	follower_pass *pass; /* from its thread; NULL: nobody wants it */
	void *pass_ctx;
	const char *relay_id; /* as it stands in `via` behind us; NULL: we are
			       * no relay */
};

/* The token, and the keys: what must be right from the beginning; later it may
 * come and go. */
MM_MUST_USE enum mm_err follower_check_files(const struct follower_options *opt,
					     struct why *why);

/* Resume from what is on disk, show it, and begin to follow. */
MM_MUST_USE enum mm_err follower_start(const struct follower_options *opt,
				       struct follower **out, struct why *why);
/* Until there is a state file, at most `ms`; else MM_ERR_UNAVAILABLE with the
 * last trouble. */
MM_MUST_USE enum mm_err follower_wait(struct follower *f, int64_t ms,
				      struct why *why);
/* Try again now: settings outside (the token file) may have changed. */
void follower_wake(struct follower *f);
/* The keys that it trusts, as a JWKS.  From any thread.  MM_ERR_UNAVAILABLE:
 * there is no state yet. */
MM_MUST_USE enum mm_err follower_jwks(struct follower *f, struct buf *out);
/* Is the feed there and no good to us: is our token refused, say, or what is
 * heard not believed?  Until somebody sees to it nothing is heard of.  From any
 * thread, and at once. */
bool follower_is_refused(struct follower *f);
/* For metrics. */
struct follower_stats {
	bool connected;	      /* the feed was reached last time */
	uint64_t connects;    /* how often it was reached, again */
	uint64_t failures;    /* questions that had no good answer */
	bool holds;	      /* there is a state: then */
	uint64_t seq;	      /* the feed's number it stands at */
	int64_t fresh_at;     /* how old its newest news are */
	bool silent;	      /* for too long, or they are in doubt (keep.h) */
	bool behind;	      /* they could not be written to the state file */
	uint64_t state_bytes; /* of the state file */
	uint64_t uses_waiting, uses_told; /* to be told the issuer, and told */
	uint64_t uses_refused;		  /* there was no room for them */
	double uses_full;		  /* of the room, 0 to 1 */
};
void follower_stats(struct follower *f, struct follower_stats *out);
/* Save everything and end.  `tell`: first try to tell the issuer of all uses,
 * since nobody will resume.  NULL is allowed. */
void follower_stop(struct follower *f, bool tell);

#endif
