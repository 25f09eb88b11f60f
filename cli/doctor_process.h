/* doctor_process.h - who runs here, as the kernel tells it: nothing is touched,
 * for who tries a lock keeps a daemon that starts just then from it. */
#ifndef MM_CLI_DOCTOR_PROCESS_H
#define MM_CLI_DOCTOR_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct holder {
	pid_t pid;
	bool seen; /* its ids are known: not those of another namespace */
	uid_t uid; /* as which it acts */
	gid_t gid;
};

/* Does anybody hold the flock(2) on that file, and who? */
bool holder_of(const char *lock, struct holder *out);
/* Has it a file open whose path begins so, or did before it was removed?
 * False also where we may not look. */
bool holder_has_open(const struct holder *h, const char *path);

#endif
