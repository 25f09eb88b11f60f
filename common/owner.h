/* owner.h - could somebody else have written it?
 *
 * What is believed, and what is run, lies in files: who can write to one says
 * what we do.  That may be root and one user more, `owner`; never a group, for
 * who is in it is settled elsewhere.  Reading is not asked about here.
 *
 * On struct stat, so that the caller looks at what he has opened.
 */
#ifndef MM_COMMON_OWNER_H
#define MM_COMMON_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/error.h"

/* Is it root's, or `owner`'s? */
bool owner_is_right(const struct stat *st, uid_t owner);
/* Can its group or others write to it? */
bool owner_is_not_alone(const struct stat *st);

/* Is it a file with this one name?  (lstat(), as for owner_check_file().) */
bool owner_is_file(const struct stat *st);

/* MM_ERR_INVALID: it is neither root's nor `owner`'s, or others can write to
 * it.  The sentence names `path` and what to do. */
MM_MUST_USE enum mm_err owner_check(const struct stat *st, uid_t owner,
				    const char *path, struct why *why);
/* The same, and that it is a file with this one name: lstat(), or fstat() of
 * what was opened with O_NOFOLLOW.  Through a link, or a second name, it would
 * be another's file that is read and written. */
MM_MUST_USE enum mm_err owner_check_file(const struct stat *st, uid_t owner,
					 const char *path, struct why *why);
/* As owner_check() for a folder on the way to something that is looked at by
 * itself: everybody may write to it where it has the sticky bit, as /tmp does,
 * for nobody moves there what is another's. */
MM_MUST_USE enum mm_err owner_check_way(const struct stat *st, uid_t owner,
					const char *path, struct why *why);

#endif
