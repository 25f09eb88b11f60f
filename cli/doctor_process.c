/* doctor_process.c - who runs here: by the lock that a daemon holds.  What is
 * said of it is pasted by root: no other program is to be taken for it. */
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/doctor_process.h"
#include "common/owner.h"

#define PATH_SIZE 1200

/* ---- who has it ---- */

/* The second number is the one in force. */
static bool effective(const char *line, const char *name, unsigned *out)
{
	char *end;
	size_t n = strlen(name);
	if (strncmp(line, name, n) != 0)
		return false;
	(void)strtoul(line + n, &end, 10);
	*out = (unsigned)strtoul(end, NULL, 10);
	return true;
}

/* Not by the owner of /proc/PID, which is root where no core is dumped. */
static bool read_ids(struct holder *h)
{
	char path[64], line[256];
	bool uid = false, gid = false;
	snprintf(path, sizeof path, "/proc/%ld/status", (long)h->pid);
	FILE *f = h->pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL) {
		uid = effective(line, "Uid:", &h->uid) || uid;
		gid = effective(line, "Gid:", &h->gid) || gid;
	}
	fclose(f);
	return uid && gid;
}

/* Behind the name, which is in parentheses and may have some: the 20th word is
 * when it started, since the boot (proc(5)). */
static bool read_start(const char *line, unsigned long long *ticks)
{
	const char *at = strrchr(line, ')');
	for (int i = 0; at != NULL && i < 20; i++)
		at = strchr(at + 1, ' ');
	*ticks = at != NULL ? strtoull(at, NULL, 10) : 0;
	return *ticks != 0;
}

int64_t holder_age(const struct holder *h)
{
	char path[64], line[1024] = "";
	unsigned long long ticks;
	struct timespec now;
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)h->pid);
	FILE *f = h->pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL)
		return -1;
	bool read =
		fgets(line, sizeof line, f) != NULL && read_start(line, &ticks);
	fclose(f);
	if (!read || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return -1;
	return now.tv_sec -
	       (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* ---- what it has open ---- */

static bool begins(const char *fd, const void *path)
{
	char to[PATH_SIZE];
	ssize_t n = readlink(fd, to, sizeof to - 1);
	if (n < 0)
		return false;
	to[n] = '\0';
	return strncmp(to, path, strlen(path)) == 0;
}

static bool is_same(const char *fd, const void *file)
{
	const struct stat *want = file;
	struct stat st;
	return stat(fd, &st) == 0 && st.st_dev == want->st_dev &&
	       st.st_ino == want->st_ino;
}

static bool has_open(pid_t pid, bool (*is)(const char *, const void *),
		     const void *what)
{
	char folder[64], fd[64 + 260];
	bool has = false;
	snprintf(folder, sizeof folder, "/proc/%ld/fd", (long)pid);
	DIR *dir = opendir(folder);
	for (struct dirent *e; dir != NULL && !has && (e = readdir(dir));) {
		snprintf(fd, sizeof fd, "%s/%s", folder, e->d_name);
		has = is(fd, what);
	}
	if (dir != NULL)
		closedir(dir);
	return has;
}

bool holder_has_open(const struct holder *h, const char *path)
{
	return has_open(h->pid, begins, path);
}

bool holder_has_file(const struct holder *h, const struct stat *file)
{
	return has_open(h->pid, is_same, file);
}

/* ---- the lock ---- */

struct flock_line {
	pid_t pid;
	dev_t dev;
	unsigned long long inode;
};

/* A line of /proc/locks (proc(5)):
 *	1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF */
static bool read_flock(char *line, struct flock_line *out)
{
	char *rest = NULL, *word[6], *end;
	size_t n = 0;
	for (char *w = strtok_r(line, " ", &rest); w != NULL && n < 6;
	     w = strtok_r(NULL, " ", &rest))
		word[n++] = w;
	if (n < 6 || strcmp(word[1], "FLOCK") != 0)
		return false;
	out->pid = (pid_t)strtol(word[4], NULL, 10);
	unsigned long major = strtoul(word[5], &end, 16);
	unsigned long minor = *end == ':' ? strtoul(end + 1, &end, 16) : 0;
	out->dev = makedev((unsigned)major, (unsigned)minor);
	out->inode = *end == ':' ? strtoull(end + 1, NULL, 10) : 0;
	return true;
}

/* An inode's number is no proof: anybody makes a file with that number on a
 * disk of his own.  The device settles it; but where stat(2) has another than
 * the kernel's locks have (btrfs), only what the process has open does.  And
 * that alone says that the process is the one: its number may be another's by
 * now, or from another namespace. */
bool holder_in(FILE *locks, const struct stat *st, struct holder *out)
{
	char line[256];
	struct flock_line l;
	*out = (struct holder){ .pid = 0 };
	while (fgets(line, sizeof line, locks) != NULL) {
		if (!read_flock(line, &l) || l.inode != st->st_ino)
			continue;
		bool has = has_open(l.pid, is_same, st);
		if (!has && l.dev != st->st_dev)
			continue;
		out->pid = l.pid;
		out->seen = has && read_ids(out);
		return true;
	}
	return false;
}

bool holder_of(const char *lock, struct holder *out)
{
	struct stat st;
	*out = (struct holder){ .pid = 0 };
	/* a link leads to a lock of another daemon's */
	bool is_there = lstat(lock, &st) == 0 && S_ISREG(st.st_mode);
	FILE *locks = is_there ? fopen("/proc/locks", "re") : NULL;
	if (locks == NULL)
		return false;
	bool held = holder_in(locks, &st, out);
	fclose(locks);
	return held;
}

/* ---- whose the files are to be ---- */

static bool others_write_beside(const char *lock)
{
	char copy[PATH_SIZE];
	struct stat st;
	snprintf(copy, sizeof copy, "%s", lock);
	return stat(dirname(copy), &st) != 0 || owner_is_not_alone(&st);
}

static bool owns_one(uid_t uid, const struct stat *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (files[i].st_uid == uid)
			return true;
	return false;
}

bool owner_of(const char *lock, const struct stat *files, size_t n,
	      struct holder *out)
{
	if (!holder_of(lock, out) || !out->seen) {
		if (n == 0)
			return false;
		size_t most = judge_most(files, n);
		*out = (struct holder){ .uid = files[most].st_uid,
					.gid = files[most].st_gid };
	}
	out->sure = owns_one(out->uid, files, n) && !others_write_beside(lock);
	return true;
}
