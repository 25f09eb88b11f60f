/* keep_place.c - whose is the place where the state is kept, and what is there?
 *
 * Who can write the state decides who is let in on this host; and the files
 * beside it are what the next state is made from.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/owner.h"
#include "verifier/keep.h"

static enum mm_err check_folder(const char *state, struct why *why)
{
	char path[PATH_MAX];
	struct stat st;
	uid_t us = geteuid();
	(void)span_copy(path, sizeof path, span_str(state));
	const char *folder = dirname(path);
	if (stat(folder, &st) != 0)
		return why_say(why, MM_ERR_IO, "state", "cannot open %s: %s%s",
			       folder, strerror(errno),
			       errno == ENOENT ? ": make it first" : "");
	if (owner_is_right(&st, us))
		return owner_check_way(&st, us, folder, why);
	return why_say(why, MM_ERR_INVALID, "state",
		       "the state's folder %.120s belongs to uid %u, and this "
		       "is uid %u, whose it is to be, or root's: run it as its "
		       "owner, or chown the folder",
		       folder, (unsigned)st.st_uid, (unsigned)us);
}

/* No link is followed, an administrator's own neither: the next state file
 * would take its place.  (To the folder there may be one.)  The socket is made
 * anew, and others may send to it. */
enum mm_err keep_check_place(const char *state, struct why *why)
{
	static const char *const ends[] = { "", ".lock", ".journal",
					    ".checkpoint", ".pending" };
	TRY(check_folder(state, why));
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		char path[PATH_MAX];
		struct stat st;
		snprintf(path, sizeof path, "%s%s", state, ends[i]);
		if (lstat(path, &st) == 0)
			TRY(owner_check_file(&st, geteuid(), path, why));
		else if (errno != ENOENT)
			return why_say(why, MM_ERR_IO, "state",
				       "cannot look at %.200s: %s", path,
				       strerror(errno));
	}
	return MM_OK;
}
