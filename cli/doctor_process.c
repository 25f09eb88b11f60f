/* doctor_process.c - who runs here: by the lock that a daemon holds. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor_process.h"
#include "common/buf.h"

#define PATH_SIZE 1200

/* ---- the lock ---- */

/* A line of /proc/locks (proc(5)):
 *	1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF */
static bool is_flock_on(char *line, const char *inode, pid_t *pid)
{
	char *rest = NULL, *word[6];
	size_t n = 0;
	for (char *w = strtok_r(line, " ", &rest); w != NULL && n < 6;
	     w = strtok_r(NULL, " ", &rest))
		word[n++] = w;
	if (n < 6 || strcmp(word[1], "FLOCK") != 0)
		return false;
	size_t long_is = strlen(word[5]), end = strlen(inode);
	if (long_is < end || strcmp(word[5] + long_is - end, inode) != 0)
		return false;
	*pid = (pid_t)strtol(word[4], NULL, 10);
	return true;
}

static bool find_holder(const char *lock, pid_t *pid)
{
	char line[256], inode[32];
	struct stat st;
	bool held = false;
	FILE *locks = stat(lock, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
	if (locks == NULL)
		return false;
	snprintf(inode, sizeof inode, ":%llu", (unsigned long long)st.st_ino);
	while (!held && fgets(line, sizeof line, locks) != NULL)
		held = is_flock_on(line, inode, pid);
	fclose(locks);
	return held;
}

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

bool holder_of(const char *lock, struct holder *out)
{
	*out = (struct holder){ .pid = 0 };
	if (!find_holder(lock, &out->pid))
		return false;
	out->seen = read_ids(out);
	return true;
}

/* ---- what it has open ---- */

static bool begins(const char *fd, const char *path)
{
	char to[PATH_SIZE];
	ssize_t n = readlink(fd, to, sizeof to - 1);
	if (n < 0)
		return false;
	to[n] = '\0';
	return strncmp(to, path, strlen(path)) == 0;
}

bool holder_has_open(const struct holder *h, const char *path)
{
	char folder[64], fd[64 + 260];
	bool has = false;
	snprintf(folder, sizeof folder, "/proc/%ld/fd", (long)h->pid);
	DIR *dir = opendir(folder);
	for (struct dirent *e; dir != NULL && !has && (e = readdir(dir));) {
		snprintf(fd, sizeof fd, "%s/%s", folder, e->d_name);
		has = begins(fd, path);
	}
	if (dir != NULL)
		closedir(dir);
	return has;
}
