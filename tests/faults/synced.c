/* synced.c - what is not on the disk yet (see synced.h).
 *
 * What is not synced stands in a table, by device and inode: so it does not
 * matter through which descriptor, and under which name, it is synced. */
#include "tests/faults/synced.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/opens.h"

#define NODES 64
#define LET   8
#define PATH  256

enum part {
	BYTES = 1, /* and that there is such a file: fdatasync() will do */
	MARKS = 2, /* its times, mode and owner */
	NAMES = 4, /* of a folder */
};

struct node {
	dev_t dev;
	ino_t ino;
	unsigned unsynced; /* enum part; 0: the place is free */
	char path[PATH];   /* from the watched folder on */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node nodes[NODES];
static char watched[PATH_MAX];
static size_t watched_len;
static const char *let[LET];
static char wrong[4096], lost[8192];

SEEN void synced_watch(const char *folder)
{
	pthread_mutex_lock(&lock);
	memset(nodes, 0, sizeof nodes);
	memset(let, 0, sizeof let);
	wrong[0] = '\0';
	watched_len = realpath(folder, watched) ? strlen(watched) : 0;
	pthread_mutex_unlock(&lock);
}

SEEN void synced_let(const char *name)
{
	size_t i = 0;
	pthread_mutex_lock(&lock);
	while (i < LET - 1 && let[i] != NULL)
		i++;
	let[i] = name;
	pthread_mutex_unlock(&lock);
}

/* ---- the table: with the lock held ---- */

static void say(char *to, size_t size, const char *what, const char *path)
{
	size_t n = strlen(to);
	snprintf(to + n, size - n, "%s %.*s\n", what, PATH, path);
}

static bool is_let(const char *path)
{
	const char *slash = strrchr(path, '/');
	for (size_t i = 0; i < LET && let[i] != NULL; i++)
		if (strcmp(slash ? slash + 1 : path, let[i]) == 0)
			return true;
	return false;
}

/* False: it is elsewhere, or let. */
static bool look(int fd, struct node *n)
{
	char link[32], path[PATH_MAX] = "";
	struct stat st;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (watched_len == 0 || readlink(link, path, sizeof path - 1) <= 0 ||
	    fstat(fd, &st) != 0 || memcmp(path, watched, watched_len) != 0 ||
	    is_let(path))
		return false;
	*n = (struct node){ .dev = st.st_dev, .ino = st.st_ino };
	const char *rest = path + watched_len;
	snprintf(n->path, sizeof n->path, "%.255s", rest[0] ? rest + 1 : ".");
	return rest[0] == '/' || rest[0] == '\0';
}

static struct node *find(dev_t dev, ino_t ino)
{
	for (struct node *n = nodes; n < nodes + NODES; n++)
		if (n->unsynced != 0 && n->dev == dev && n->ino == ino)
			return n;
	return NULL;
}

static void add(const struct node *new, unsigned parts)
{
	struct node *n = find(new->dev, new->ino);
	for (struct node *i = nodes; n == NULL && i < nodes + NODES; i++)
		if (i->unsynced == 0)
			n = i;
	if (n == NULL) {
		say(wrong, sizeof wrong, "no place to note", new->path);
		return;
	}
	parts |= n->unsynced;
	*n = *new;
	n->unsynced = parts;
}

static void forget(int at, const char *path)
{
	struct stat st;
	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	struct node *n = find(st.st_dev, st.st_ino);
	if (n != NULL && st.st_nlink == 1)
		n->unsynced = 0;
}

/* Of what is cut or removed itself nothing is asked. */
static void all_else_is_synced(const char *path, const struct stat *st)
{
	for (const struct node *n = nodes; n < nodes + NODES; n++) {
		if (n->unsynced == 0 ||
		    (n->dev == st->st_dev && n->ino == st->st_ino))
			continue;
		say(wrong, sizeof wrong, "cut or removed:", path);
		say(wrong, sizeof wrong, "\tbefore this was synced:", n->path);
	}
}

/* ---- what is done ---- */

static void note(int fd, unsigned parts)
{
	struct node n;
	pthread_mutex_lock(&lock);
	if (look(fd, &n))
		add(&n, parts);
	pthread_mutex_unlock(&lock);
}

static void note_synced(int fd, unsigned parts)
{
	struct node n;
	pthread_mutex_lock(&lock);
	struct node *is = look(fd, &n) ? find(n.dev, n.ino) : NULL;
	if (is != NULL)
		is->unsynced &= ~parts;
	pthread_mutex_unlock(&lock);
}

/* A name came, or went. */
static void note_name(int at, const char *path)
{
	char copy[PATH_MAX];
	if (is_let(path))
		return;
	snprintf(copy, sizeof copy, "%s", path);
	int fd = (int)syscall(SYS_openat, at, dirname(copy),
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	note(fd, NAMES);
	close(fd);
}

/* What takes the place of another: that one goes. */
static void note_rename(int a, const char *from, int b, const char *to)
{
	struct stat st;
	pthread_mutex_lock(&lock);
	if (!is_let(from) && fstatat(a, from, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    find(st.st_dev, st.st_ino) != NULL)
		say(wrong, sizeof wrong, "renamed before it was synced:", to);
	forget(b, to);
	pthread_mutex_unlock(&lock);
}

static void note_cut(int fd, off_t to)
{
	struct stat st;
	struct node n;
	pthread_mutex_lock(&lock);
	if (fstat(fd, &st) == 0 && to < st.st_size && look(fd, &n))
		all_else_is_synced(n.path, &st);
	pthread_mutex_unlock(&lock);
}

static void note_removal(int at, const char *path)
{
	struct stat st;
	pthread_mutex_lock(&lock);
	if (!is_let(path) && fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		all_else_is_synced(path, &st);
	forget(at, path);
	pthread_mutex_unlock(&lock);
}

SEEN const char *synced_lost(void)
{
	pthread_mutex_lock(&lock);
	snprintf(lost, sizeof lost, "%s", wrong);
	for (const struct node *n = nodes; n < nodes + NODES; n++) {
		if (n->unsynced & BYTES)
			say(lost, sizeof lost, "bytes of", n->path);
		if (n->unsynced & MARKS)
			say(lost, sizeof lost, "times, mode or owner of",
			    n->path);
		if (n->unsynced & NAMES)
			say(lost, sizeof lost, "names in", n->path);
	}
	pthread_mutex_unlock(&lock);
	return lost;
}

/* ---- before libc ---- */

/* errno stays as the call has left it: who asks for it gets no other. */
#define THEN(did, ...)                                                         \
	do {                                                                   \
		int was = errno;                                               \
		if ((did) >= 0) {                                              \
			__VA_ARGS__;                                           \
		}                                                              \
		errno = was;                                                   \
		return did;                                                    \
	} while (0)

SEEN ssize_t write(int fd, const void *from, size_t n)
{
	ssize_t did = syscall(SYS_write, fd, from, n);
	THEN(did, note(fd, BYTES));
}

SEEN ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	ssize_t did = syscall(SYS_pwrite64, fd, from, n, at);
	THEN(did, note(fd, BYTES));
}

SEEN ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	return pwrite(fd, from, n, at);
}

SEEN ssize_t pwritev(int fd, const struct iovec *from, int n, off_t at)
{
	ssize_t did = syscall(SYS_pwritev, fd, from, n, at, 0);
	THEN(did, note(fd, BYTES));
}

SEEN ssize_t pwritev64(int fd, const struct iovec *from, int n, off64_t at)
{
	return pwritev(fd, from, n, at);
}

SEEN int ftruncate(int fd, off_t to)
{
	note_cut(fd, to);
	int did = (int)syscall(SYS_ftruncate, fd, to);
	THEN(did, note(fd, BYTES));
}

SEEN int ftruncate64(int fd, off64_t to)
{
	return ftruncate(fd, to);
}

SEEN int futimens(int fd, const struct timespec at[2])
{
	int did = (int)syscall(SYS_utimensat, fd, NULL, at, 0);
	THEN(did, note(fd, MARKS));
}

SEEN int fchmod(int fd, mode_t mode)
{
	int did = (int)syscall(SYS_fchmod, fd, mode);
	THEN(did, note(fd, MARKS));
}

SEEN int fchown(int fd, uid_t user, gid_t group)
{
	int did = (int)syscall(SYS_fchown, fd, user, group);
	THEN(did, note(fd, MARKS));
}

SEEN int fsync(int fd)
{
	int did = (int)syscall(SYS_fsync, fd);
	THEN(did, note_synced(fd, BYTES | MARKS | NAMES));
}

SEEN int fdatasync(int fd)
{
	int did = (int)syscall(SYS_fdatasync, fd);
	THEN(did, note_synced(fd, BYTES));
}

SEEN int renameat(int a, const char *from, int b, const char *to)
{
	note_rename(a, from, b, to);
	int did = (int)syscall(SYS_renameat, a, from, b, to);
	THEN(did, note_name(a, from), note_name(b, to));
}

SEEN int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

SEEN int unlinkat(int at, const char *path, int flags)
{
	note_removal(at, path);
	int did = (int)syscall(SYS_unlinkat, at, path, flags);
	THEN(did, note_name(at, path));
}

SEEN int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

SEEN int mkdirat(int at, const char *path, mode_t mode)
{
	int did = (int)syscall(SYS_mkdirat, at, path, mode);
	THEN(did, note_name(at, path));
}

SEEN int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

static int open_as(int at, const char *path, int flags, mode_t mode)
{
	struct stat st;
	bool is_new = (flags & O_CREAT) != 0 &&
		      fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0;
	int fd = (int)syscall(SYS_openat, at, path, flags, mode);
	THEN(fd, if (is_new) note_name(at, path);
	     if (is_new || flags & O_TRUNC) note(fd, BYTES));
}

SEEN int mkostemp(char *path, int flags)
{
	static int (*next)(char *, int);
	if (next == NULL)
		*(void **)(&next) = dlsym(RTLD_NEXT, "mkostemp");
	int fd = next(path, flags);
	THEN(fd, note(fd, BYTES), note_name(AT_FDCWD, path));
}
