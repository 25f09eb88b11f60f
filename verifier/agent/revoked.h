/* revoked.h - mintmark-agent revoked: what a host holds as revoked, for a mint
 * whose store has lost it. */
#ifndef MM_VERIFIER_AGENT_REVOKED_H
#define MM_VERIFIER_AGENT_REVOKED_H

#include "common/error.h"

/* Their ids to standard output, one a line, as mintmark token revoke --stdin
 * takes them; how many there are to standard error.  Where the mint has begun
 * a new history, up to three that are no tokens are among them, behind the end
 * of each list.  Beside an agent that runs and changes the file, too.
 * MM_ERR_NOT_FOUND, MM_ERR_UNAVAILABLE: there is no state to be read;
 * MM_ERR_IO: it could not be written. */
MM_MUST_USE enum mm_err revoked_print(const char *state, struct why *why);

#endif
