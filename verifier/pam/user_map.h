/* user_map.h - whose tokens open which login.
 *
 *	# comment
 *	LOGIN USER
 *
 * A login that is listed opens for the users of its lines, and for nobody
 * else; one that is not, for the user of the same name. */
#ifndef MM_VERIFIER_PAM_USER_MAP_H
#define MM_VERIFIER_PAM_USER_MAP_H

#include "common/claims.h"
#include "common/error.h"

#define USER_MAP_USERS 32

struct user_map {
	bool listed; /* does the login have lines of its own? */
	size_t count;
	char user[USER_MAP_USERS][USER_SIZE];
};

/* Without a file (path NULL) nobody is listed.  A file that cannot be read,
 * that others could have written, or with a line that is none is
 * MM_ERR_UNAVAILABLE, whatever the login: *why says file and line. */
MM_MUST_USE enum mm_err user_map_read(const char *path, const char *login,
				      struct user_map *out, struct why *why);

#endif
