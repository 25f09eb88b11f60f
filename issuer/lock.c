/* lock.c - a lock file, held by flock(2). */
#include "issuer/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

/* `mintmark key` looks whether it is held, and so holds it for a moment. */
static bool lock_soon(int fd)
{
	const struct timespec tick = { .tv_nsec = 10 * 1000000 };
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK || i == 20)
			return false;
		nanosleep(&tick, NULL);
	}
	return true;
}

enum mm_err lock_take(const char *what, int *fd, struct why *why)
{
	char lock[PATH_MAX + 8];
	snprintf(lock, sizeof lock, "%s.lock", what);
	*fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot open %s: %s", lock,
			       strerror(errno));
	if (!lock_soon(*fd))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "another mintmarkd holds %s: stop it first, or "
			       "use another folder",
			       what);
	return MM_OK;
}
