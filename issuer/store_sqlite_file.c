/* store_sqlite_file.c - where a store lies: the file that its path leads to,
 * and who has it.
 *
 * SQLite follows links, so what stands beside the file (its log, the mark of
 * damage, its lock) is named after the file itself, however it is spelled.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/span.h"
#include "issuer/lock.h"
#include "issuer/store_sqlite.h"

#define LINKS_MAX 40

/* errno is to say why not, as of what the system cannot. */
static bool fits(bool does)
{
	if (!does)
		errno = ENAMETOOLONG;
	return does;
}

static bool copy(char out[PATH_MAX], struct span path)
{
	return fits(span_copy(out, PATH_MAX, path));
}

static bool join(char out[PATH_MAX], const char *folder, const char *name)
{
	return fits(snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX);
}

/* The folder of `path`, as it is; *name: what is in it. */
static bool folder_of(const char *path, char out[PATH_MAX], const char **name)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	*name = slash ? slash + 1 : path;
	if (slash == path)
		n = 1;
	return copy(folder, n ? span_of(path, n) : span_str(".")) &&
	       realpath(folder, out) != NULL;
}

/* One link further. */
static bool follow(char path[PATH_MAX], const char *folder)
{
	char to[PATH_MAX];
	ssize_t n = readlink(path, to, sizeof to - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	return to[0] == '/' ? copy(path, span_str(to)) : join(path, folder, to);
}

/* A link may lead to what SQLite is yet to make there. */
bool sqlite_file_of(const char *path, char out[PATH_MAX])
{
	char at[PATH_MAX], folder[PATH_MAX];
	const char *name;
	if (!copy(at, span_str(path)))
		return false;
	for (int i = 0; i < LINKS_MAX; i++) {
		if (realpath(at, out) != NULL)
			return true;
		if (errno != ENOENT || !folder_of(at, folder, &name) ||
		    !join(out, folder, name))
			return false;
		if (!follow(at, folder))
			return errno == ENOENT;
	}
	return false;
}

/* ---- who has it ---- */

static bool is_link(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* By the name that it has in a mint's folder, where the commands look; and by
 * the file's own, which a link of another folder leads to, too. */
enum mm_err sqlite_lock(struct sqlite_conn *c, const char *path,
			struct why *why)
{
	char file[PATH_MAX];
	TRY(lock_take(path, &c->lock_fd, why));
	if (!is_link(path))
		return MM_OK;
	if (!sqlite_file_of(path, file))
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot tell which file %s leads to: %s", path,
			       strerror(errno));
	return lock_take(file, &c->file_lock_fd, why);
}

void sqlite_unlock(struct sqlite_conn *c)
{
	fd_close(&c->file_lock_fd);
	fd_close(&c->lock_fd);
}
