/* become.h - from root to the user that the mint runs as, and his folder. */
#ifndef MM_ISSUER_BECOME_H
#define MM_ISSUER_BECOME_H

#include "common/error.h"

/* Go on as `user` (a name, or a number), in his groups and no other, with no
 * way back, and nothing that is run from then on gets more rights than that
 * (no_new_privs, also where that is who we are already).  `folder` is made for
 * him if there is none.  Before any thread starts.  MM_ERR_INVALID: there is no
 * such user, or we are not root. */
MM_MUST_USE enum mm_err become_user(const char *user, const char *folder,
				    struct why *why);

/* Private keys live there: nobody else may look in.  MM_ERR_IO. */
MM_MUST_USE enum mm_err data_folder_make(const char *dir, struct why *why);
/* Is it ours (or root's), and ours alone to write, and so the store's file in
 * it?  Who else can write there, or owns it, could put keys of his in place of
 * ours, or take back what was revoked.  MM_ERR_IO,
 * MM_ERR_INVALID. */
MM_MUST_USE enum mm_err data_folder_check(const char *dir, struct why *why);

#endif
