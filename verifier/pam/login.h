/* login.h - is a login root's? */
#ifndef MM_VERIFIER_PAM_LOGIN_H
#define MM_VERIFIER_PAM_LOGIN_H

#include "common/error.h"

/* MM_ERR_WRONG_USER when it is, by its name or by its number; a login that
 * does not exist is not.  MM_ERR_UNAVAILABLE when nobody could tell. */
MM_MUST_USE enum mm_err login_not_root(const char *login, struct why *why);

#endif
