/* login.c - ask the host's user database, and hear its errors. */
#include "verifier/pam/login.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"

#define ENTRY_FIRST 1024u
#define ENTRY_MAX   (1u << 20)

/* 0 or errno, as getpwnam_r; *uid is set only when *found. */
static int look_up(const char *login, bool *found, uid_t *uid)
{
	int e = ERANGE;
	*found = false;
	for (size_t size = ENTRY_FIRST; e == ERANGE && size <= ENTRY_MAX;
	     size *= 4) {
		AUTO_BUF struct buf b = buf_new(size);
		char *room = (char *)buf_room(&b, size);
		struct passwd entry, *pw = NULL;
		if (room == NULL)
			return ENOMEM;
		do {
			e = getpwnam_r(login, &entry, room, size, &pw);
		} while (e == EINTR);
		*found = e == 0 && pw != NULL;
		if (*found)
			*uid = pw->pw_uid;
	}
	return e;
}

/* root's name is known without asking.  ENOENT is said by a database that is
 * not there, as well as of a name that is not in it. */
enum mm_err login_not_root(const char *login, struct why *why)
{
	bool found = false, root = strcasecmp(login, "root") == 0;
	uid_t uid = 0;
	int e = root ? 0 : look_up(login, &found, &uid);
	if (e != 0 && e != ENOENT)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "cannot tell whether the login is root's: %s",
			       strerror(e));
	if (root || (found && uid == 0))
		return why_say(why, MM_ERR_WRONG_USER, NULL,
			       "this login is root's, and no user_map lists "
			       "it");
	return MM_OK;
}
