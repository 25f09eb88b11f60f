/* client_why.h - why a call to the mint came to nothing, for people. */
#ifndef MM_CLI_CLIENT_WHY_H
#define MM_CLI_CLIENT_WHY_H

#include "cli/client.h"

/* What a call does.  What mints is another request when it is asked for again:
 * its Idempotency-Key is gone. */
enum client_effect { CLIENT_READS, CLIENT_CHANGES, CLIENT_MINTS };

/* It was sent, and no answer came: is it done?  `how`: in brackets.  Always
 * MM_ERR_IO. */
enum mm_err client_unanswered(const char *where, const char *how,
			      enum client_effect effect, struct why *why);
/* The answer is no: with the sentence in `text`, if it is the mint's.  Errors
 * as client_call(). */
enum mm_err client_refused(const struct client *c, long status,
			   struct span text, struct why *why);

#endif
