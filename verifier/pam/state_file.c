/* state_file.c - who can write the state decides which tokens are good. */
#include "verifier/pam/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/owner.h"
#include "common/span.h"

/* The path up to its last slash; "/" for a file there. */
static bool folder_of(const char *path, char out[PATH_MAX])
{
	size_t len = (size_t)(strrchr(path, '/') - path);
	return span_copy(out, PATH_MAX, span_of(path, len ? len : 1));
}

/* Both by one look at the folder: the name cannot come to mean another. */
static int look(const char *path, const char *folder, struct stat *dir,
		struct stat *file)
{
	const char *name = strrchr(path, '/') + 1;
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int e = fstat(fd, dir) != 0 ? errno : 0;
	if (e == 0 && fstatat(fd, name, file, AT_SYMLINK_NOFOLLOW) != 0)
		e = errno;
	close(fd);
	return e;
}

/* Between this look and the opening, only root and those whom it trusts can
 * put another file there, or who may rename the folders above. */
enum mm_err state_file_check(const char *path, struct why *why)
{
	char folder[PATH_MAX];
	struct stat dir, file;
	int e = folder_of(path, folder) ? look(path, folder, &dir, &file)
					: ENAMETOOLONG;
	if (e != 0)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "cannot open %s: %s: is mintmark-agent running?",
			       path, strerror(e));
	if (!S_ISREG(file.st_mode))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s is not a file", path);
	if (owner_is_not_alone(&file))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "others may write %s: chmod go-w", path);
	if (owner_is_not_alone(&dir))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "others may write to the state's folder %s: "
			       "chmod go-w, or move the state",
			       folder);
	if (!owner_is_right(&file, dir.st_uid) && file.st_uid != geteuid())
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s belongs to uid %u: neither its folder's "
			       "owner nor root",
			       path, (unsigned)file.st_uid);
	return MM_OK;
}
