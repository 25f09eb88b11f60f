/* key_handout.h - new tokens on their way to a user: one file each, in a
 * folder that nobody else can read.
 *
 *	# 3.1 -> 3.9 of alice, until 2026-12-24T03:14:32Z: my laptop
 *	eyJhbGciOi...
 *
 * Records are appended and synced one by one.  What a crash leaves of a
 * record is cut off the next time, so the file always says which tokens
 * have got a replacement that somebody can hand out.
 */
#ifndef MM_CLI_KEY_HANDOUT_H
#define MM_CLI_KEY_HANDOUT_H

#include <jansson.h>

#include "common/buf.h"

#define HANDOUT_NAME 264

struct handout {
	int folder; /* -1: everything goes to standard output */
	int fd;	    /* the user's file, or -1: there is none yet */
	char name[HANDOUT_NAME];
	bool json;    /* on standard output, as JSON */
	json_t *done; /* of the open file: old id -> new id */
};

/* `folder` is made (0700) when it is not there, and locked until
 * handout_close(): MM_ERR_BUSY.  NULL: standard output. */
MM_MUST_USE enum mm_err handout_open(struct handout *h, const char *folder,
				     struct why *why);
void handout_close(struct handout *h);
#define AUTO_HANDOUT __attribute__((cleanup(handout_close)))

/* Go on with the file of this user, whose first old token is `first`. */
MM_MUST_USE enum mm_err handout_begin(struct handout *h, const char *user,
				      const char *first, struct why *why);
/* The new token, as the mint's reply has it, is on the disk after this. */
MM_MUST_USE enum mm_err handout_put(struct handout *h, const char *old,
				    const json_t *token, struct why *why);

#endif
