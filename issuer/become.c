/* become.c - from root to the user that the mint runs as, and his folder.
 *
 * Groups first, the user last: without root, neither could be changed any
 * more; and then it is tried whether there is a way back.
 */
#include "issuer/become.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/owner.h"
#include "common/secrecy.h"

/* Who it is; a number may have no name, in a container say. */
struct somebody {
	char name[256]; /* "" */
	uid_t uid;
	gid_t gid;
};

static bool by_number(const char *text, uid_t *uid)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	*uid = (uid_t)n;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
	       n < UINT32_MAX;
}

static enum mm_err find(const char *user, struct somebody *out, struct why *why)
{
	uid_t uid;
	bool number = by_number(user, &uid);
	const struct passwd *p = getpwnam(user);
	if (p == NULL && number)
		p = getpwuid(uid);
	*out = (struct somebody){ .name = "", .uid = uid, .gid = uid };
	if (p != NULL) {
		out->uid = p->pw_uid;
		out->gid = p->pw_gid;
		if (span_copy(out->name, sizeof out->name,
			      span_str(p->pw_name)))
			return MM_OK;
	} else if (number) {
		return MM_OK;
	}
	return why_say(why, MM_ERR_INVALID, "user",
		       "there is no user %s here: make it (adduser --system "
		       "--group --no-create-home %s), or say another --user",
		       user, user);
}

/* What a program with the setuid bit, or with capabilities of its own, could
 * be given.  Who lacks CAP_SETPCAP, in a container say, keeps what is left. */
static void drop_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap);
}

static bool change_to(const struct somebody *s)
{
	drop_bounding_set();
	int groups =
		s->name[0] ? initgroups(s->name, s->gid) : setgroups(0, NULL);
	return groups == 0 && setresgid(s->gid, s->gid, s->gid) == 0 &&
	       setresuid(s->uid, s->uid, s->uid) == 0 &&
	       (s->uid == 0 || setuid(0) != 0);
}

static enum mm_err cannot(const char *user, struct why *why)
{
	return why_say(why, MM_ERR_INVALID, "user", "cannot go on as %s: %s",
		       user, strerror(errno));
}

/* Nor does what is run from here on, a command for warnings say. */
static enum mm_err gain_nothing(const char *user, struct why *why)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0
		       ? MM_OK
		       : cannot(user, why);
}

enum mm_err become_user(const char *user, const char *folder, struct why *why)
{
	struct somebody s;
	TRY(find(user, &s, why));
	if (geteuid() == s.uid)
		return gain_nothing(user, why);
	if (geteuid() != 0)
		return why_say(why, MM_ERR_INVALID, "user",
			       "only root can go on as %s: start mintmarkd as "
			       "root, or as %s",
			       user, user);
	if (mkdir(folder, 0700) == 0 &&
	    (chown(folder, s.uid, s.gid) != 0 || !file_sync_folder_of(folder)))
		return cannot(user, why);
	if (!change_to(&s))
		return cannot(user, why);
	secrecy_of_process(); /* as the new one */
	return gain_nothing(user, why);
}

/* ---- the data folder ---- */

enum mm_err data_folder_make(const char *dir, struct why *why)
{
	if (mkdir(dir, 0700) == 0 ? file_sync_folder_of(dir) : errno == EEXIST)
		return MM_OK;
	return why_say(why, MM_ERR_IO, "data", "cannot make the folder %s: %s",
		       dir, strerror(errno));
}

/* What is revoked stands in there; SQLite goes by its files' names. */
static enum mm_err check_store(const char *dir, struct why *why)
{
	static const char *const names[] = { "mintmark.db", "mintmark.db-wal",
					     "mintmark.db-shm" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[PATH_MAX];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		if (stat(path, &st) == 0)
			TRY(owner_check(&st, geteuid(), path, why));
	}
	return MM_OK;
}

enum mm_err data_folder_check(const char *dir, struct why *why)
{
	struct stat st;
	unsigned me = (unsigned)geteuid();
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return why_say(why, MM_ERR_IO, "data", "%s is not a folder",
			       dir);
	if (!owner_is_right(&st, me))
		return why_say(why, MM_ERR_INVALID, "data",
			       "%s belongs to uid %u, and mintmarkd is uid %u: "
			       "start it as the owner (as root, with --user "
			       "%u), or chown -R the folder",
			       dir, (unsigned)st.st_uid, me,
			       (unsigned)st.st_uid);
	if (access(dir, R_OK | W_OK | X_OK) != 0)
		return why_say(why, MM_ERR_IO, "data",
			       "the folder %s cannot be written by uid %u: %s",
			       dir, me, strerror(errno));
	TRY(owner_check(&st, me, dir, why));
	return check_store(dir, why);
}
