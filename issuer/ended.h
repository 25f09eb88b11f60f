/* ended.h - a key of ours that another issuer on the store has ended.
 *
 * It is in our folders still, and in force here: nobody takes what it signs.
 */
#ifndef MM_ISSUER_ENDED_H
#define MM_ISSUER_ENDED_H

#include "issuer/publish.h"

/* MM_ERR_UNAVAILABLE: it was ended, and *why says so to whoever wants something
 * signed.  Costs nothing for a key that is published; where the store cannot
 * be asked, nothing speaks against one that is not. */
MM_MUST_USE enum mm_err ended_check(struct publisher *p, struct store *store,
				    const struct jwk *key, struct why *why);

/* For the log, once: `was` is what the check said before, `is` what it says
 * now. */
void ended_log(const struct jwk *key, enum mm_err was, enum mm_err is);

#endif
