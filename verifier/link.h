/* link.h - the issuer as a follower sees it: its addresses, and our token.
 *
 * One issuer may be reached at several addresses, and its feed also from
 * relays.  Relays are asked first, in their order, then the issuer's own; the
 * one that worked last is used until it fails.  Who had to leave a relay
 * tries it again now and then.  One link a thread; fetch_cancel() from others.
 */
#ifndef MM_VERIFIER_LINK_H
#define MM_VERIFIER_LINK_H

#include "verifier/fetch.h"

#define LINK_URLS 8
#define LINK_TEXT 512

struct link_target {
	char url[LINK_URLS][LINK_TEXT]; /* url[0] is the issuer's name, iss */
	size_t count;
	char feed_from[LINK_URLS][LINK_TEXT]; /* relays */
	size_t relays;
	char token_file[LINK_TEXT];
};

struct link {
	const struct link_target *to;
	struct fetch *fetch;
	size_t at;  /* which address: a relay's, behind those the issuer's */
	size_t own; /* which of the issuer's own, for who asks no relay */
	/* A relay tried again. */
	bool trying;
	size_t left, tries;	/* where we were; how often it was tried */
	int64_t try_at, try_ms; /* clock_ms(); and the pause that led to it */
	bool busy; /* the last answer was 503: it lives, but has no time now, or
		    * no database */
};

MM_MUST_USE enum mm_err link_init(struct link *l, const struct link_target *to);
void link_free(struct link *l);
static inline const char *link_url(const struct link *l)
{
	return l->at < l->to->relays ? l->to->feed_from[l->at]
				     : l->to->url[l->at - l->to->relays];
}
/* Is it time to try a relay again that comes before where we are?  Then go
 * there: l->trying, until one of the next two is called. */
void link_try_back(struct link *l);
/* What came from there was good. */
void link_worked(struct link *l);
/* That address did not do: the next one's turn; if it was being tried, the
 * one's that we left for it. */
void link_next(struct link *l);

/* The token of a file: one line, its newline taken off. */
MM_MUST_USE enum mm_err link_read_token(const char *path, struct buf *out,
					struct why *why);

/* How long an agent waits for a snapshot: among 200 million tokens it takes the
 * issuer half a minute to make one, and it is 262 MB.  A relay waits a little
 * less, so that its agents hear from it that there is none, and not all turn to
 * the issuer where one could still have come. */
#define LINK_SNAPSHOT_MS       120000
#define LINK_RELAY_SNAPSHOT_MS (LINK_SNAPSHOT_MS - 5000)

struct link_ask {
	const char *path;
	bool with_token;    /* read from its file each time: it may be new */
	const char *bearer; /* or this one, another's; NULL: none */
	bool no_relay;	    /* what is not signed only the issuer may say */
	struct span post;   /* at NULL: a GET */
	long timeout_ms;
	struct buf *via;  /* see fetch.h */
	unsigned *status; /* of the answer, 0: there was none; or NULL */
};
/* MM_OK is an answer of 200 to 299.  Else MM_ERR_UNAUTHENTICATED,
 * MM_ERR_FORBIDDEN, MM_ERR_GONE, or MM_ERR_UNAVAILABLE. */
MM_MUST_USE enum mm_err link_run(struct link *l, const struct link_ask *ask,
				 struct buf *body, struct why *why);

#endif
