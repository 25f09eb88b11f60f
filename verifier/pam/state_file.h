/* state_file.h - may the state file be believed? */
#ifndef MM_VERIFIER_PAM_STATE_FILE_H
#define MM_VERIFIER_PAM_STATE_FILE_H

#include "common/error.h"

/* The agent may run as a user of its own, so the state belongs to the owner of
 * its folder, to root or to who asks; and neither may be written by anybody
 * else, also not in a folder with the sticky bit: where there is no agent, the
 * first to come would be it.  The file is no symbolic link, which would lead
 * out of the folder; the folder may be one.  Else MM_ERR_UNAVAILABLE.
 * path is absolute. */
MM_MUST_USE enum mm_err state_file_check(const char *path, struct why *why);

#endif
