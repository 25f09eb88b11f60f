/* link.h - the issuer as a follower sees it: its addresses, and our token.
 *
 * One issuer may be reached at several addresses; the one that worked last
 * is used until it fails.  One link a thread; fetch_cancel() from others. */
#ifndef MM_VERIFIER_LINK_H
#define MM_VERIFIER_LINK_H

#include "verifier/fetch.h"

#define LINK_URLS 8
#define LINK_TEXT 512

struct link_target {
	char url[LINK_URLS][LINK_TEXT]; /* url[0] is the issuer's name, iss */
	size_t count;
	char token_file[LINK_TEXT];
};

struct link {
	const struct link_target *to;
	struct fetch *fetch;
	size_t at; /* which url */
};

MM_MUST_USE enum mm_err link_init(struct link *l, const struct link_target *to);
void link_free(struct link *l);
static inline const char *link_url(const struct link *l)
{
	return l->to->url[l->at];
}
/* That address did not do: the next one's turn. */
void link_next(struct link *l);

/* The token of a file: one line, its newline taken off. */
MM_MUST_USE enum mm_err link_read_token(const char *path, struct buf *out,
					struct why *why);

struct link_ask {
	const char *path;
	bool with_token;  /* read from its file each time: it may be new */
	struct span post; /* at NULL: a GET */
	long timeout_ms;
};
/* MM_OK is an answer of 200 to 299.  Else MM_ERR_UNAUTHENTICATED,
 * MM_ERR_FORBIDDEN, MM_ERR_GONE, or MM_ERR_UNAVAILABLE. */
MM_MUST_USE enum mm_err link_run(struct link *l, const struct link_ask *ask,
				 struct buf *body, struct why *why);

#endif
