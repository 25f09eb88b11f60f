/* store_check.h - is a file the store of a mint, and its structure sound?
 *
 * It is read from end to end and nothing is changed, also beside a mintmarkd
 * that uses it, whose log cannot begin anew meanwhile.  Of a large one that
 * takes as long as its disk does.
 */
#ifndef MM_ISSUER_STORE_CHECK_H
#define MM_ISSUER_STORE_CHECK_H

#include "common/error.h"

/* How thoroughly: is each page what it should be?  And do the indexes say what
 * the rows say?  That takes some 20 s for each million of tokens. */
enum store_depth { STORE_PAGES, STORE_INDEXES };

/* Or MM_ERR_NOT_FOUND: there is nothing at `path`, or its folder was said. */
MM_MUST_USE enum mm_err store_is_there(const char *path, struct why *why);

/* MM_ERR_MALFORMED, with what is wrong: it is damaged, or no store of ours.
 * Anything else: it could not be looked at (MM_ERR_BUSY: somebody began to use
 * it, run this again). */
MM_MUST_USE enum mm_err store_check(const char *path, enum store_depth depth,
				    struct why *why);

#endif
