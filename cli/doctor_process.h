/* doctor_process.h - who runs here, as the kernel tells it: nothing is touched,
 * for who tries a lock keeps a daemon that starts just then from it. */
#ifndef MM_CLI_DOCTOR_PROCESS_H
#define MM_CLI_DOCTOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

struct holder {
	pid_t pid;
	bool seen; /* it has the lock's file open, and so its ids are known: not
		    * those of another namespace */
	uid_t uid; /* as which it acts */
	gid_t gid;
	bool sure; /* owner_of(): files may be given to it */
};

/* Does anybody hold the flock(2) on that file, and who? */
bool holder_of(const char *lock, struct holder *out);
/* The same of a file, by what is in /proc/locks. */
bool holder_in(FILE *locks, const struct stat *st, struct holder *out);
/* Whose are files to be, of which there are n: the daemon's that holds the
 * lock; else his who has the most of them, for it is one that is given away by
 * mistake.  (As it may be by whoever puts a backup back as root.)  False: there
 * are none, nor a daemon.  Nobody else's word is worth a chown: not of him who
 * owns none of them, nor where others can put files beside the lock. */
bool owner_of(const char *lock, const struct stat *files, size_t n,
	      struct holder *out);
/* How long it has run, in seconds; -1: that cannot be told. */
int64_t holder_age(const struct holder *h);
/* Has it a file open whose path begins so, or did before it was removed?
 * False also where we may not look. */
bool holder_has_open(const struct holder *h, const char *path);
/* Has it that very file open?  Likewise. */
bool holder_has_file(const struct holder *h, const struct stat *file);

#endif
