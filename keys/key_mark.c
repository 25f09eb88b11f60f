/* key_mark.c - the marks of keys that were thrown out as stolen.
 *
 * A key's own file is gone when the mint hears of it, and it may hear of it
 * at its next start alone.  So the mark is made before the file goes, and
 * taken away when the event is in the log: whatever crashes, dies or does
 * not answer in between, verifiers and audit are told that the key was
 * stolen, not that it has served its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/fd.h"
#include "keys/keyring_files.h"

enum mm_err key_mark_put(const struct key_folders *f, const char *kid,
			 struct why *why)
{
	int folder = f->at[KEY_MARKS];
	AUTO_FD int fd =
		openat(folder, kid, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		       S_IRUSR | S_IWUSR);
	if (fd < 0 || fsync(fd) != 0 || fsync(folder) != 0)
		return key_failed(f, KEY_MARKS, "write", kid, why);
	return MM_OK;
}

static bool is_kid(const char *name)
{
	return strlen(name) == KID_LEN &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
			    "xyz0123456789-_") == KID_LEN;
}

enum mm_err keyring_marked(struct keyring_at at, const char *kid, bool *marked,
			   struct why *why)
{
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, NULL);
	*marked = false;
	TRY(key_folders_open(&f, why));
	if (f.at[KEY_MARKS] < 0 || !is_kid(kid))
		return MM_OK;
	*marked =
		faccessat(f.at[KEY_MARKS], kid, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return *marked || errno == ENOENT
		       ? MM_OK
		       : key_failed(&f, KEY_MARKS, "look at", kid, why);
}

/* The mark of a key that is still there is that of a change which was cut
 * off, or runs now. */
enum mm_err keyring_unmark(struct keyring_at at, const struct keyring *k,
			   struct why *why)
{
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, NULL);
	enum mm_err err = MM_OK;
	TRY(key_folders_open(&f, why));
	if (f.at[KEY_MARKS] < 0)
		return MM_OK;
	DIR *d = key_folder_list(f.at[KEY_MARKS]);
	if (d == NULL)
		return key_failed(&f, KEY_MARKS, "list", "", why);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (is_kid(e->d_name) && keyring_find(k, e->d_name) == NULL &&
		    unlinkat(f.at[KEY_MARKS], e->d_name, 0) != 0)
			err = key_failed(&f, KEY_MARKS, "remove", e->d_name,
					 why);
	closedir(d);
	return err;
}
