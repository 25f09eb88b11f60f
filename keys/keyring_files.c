/* keyring_files.c - the folders of a keyring: opened, made, locked, swept.
 *
 * Below the keyring's own folder no link is followed (that one may be a link,
 * to another disk say).  That one is ours, root's, or, where we are
 * root, his whose the folder around it is.  Whose it is, his is the keyring:
 * all in it is his or root's.  Root works on his behalf, so that mintmarkd can
 * read what an administrator made.
 */
#include "keys/keyring_files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/owner.h"

#define PRIVATE_FILE (S_IRUSR | S_IWUSR)

static const char *const state_names[KEY_FOLDERS] = {
	[MARKS_STOLEN] = "compromised", [KEY_NEXT] = "next",
	[KEY_ACTIVE] = "active",	[KEY_RETIRING] = "retiring",
	[MARKS_RETIRED] = "retired",
};

const char *key_state_name(enum key_state s)
{
	return state_names[s];
}

/* What is wrong, and what to do. */
static const char *said(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return "the disk is full: make room and run it again";
	case EACCES:
	case EPERM:
		return "permission denied: run it as the user of mintmarkd, "
		       "or as root";
	case EROFS:
		return "the file system is read-only: mount it for writing "
		       "and run it again";
	case EMLINK:
		return "it is no file of its own (a link to another, or a "
		       "pipe): take it away";
	case ELOOP:
		return "it is a symbolic link: take it away, or put the file "
		       "itself there";
	default:
		return strerror(err);
	}
}

enum mm_err key_failed(const struct key_folders *f, enum key_state state,
		       const char *verb, const char *name, struct why *why)
{
	enum mm_err e = errno == ENOSPC || errno == EDQUOT ? MM_ERR_FULL
			: errno == ENOENT		   ? MM_ERR_NOT_FOUND
			: errno == ELOOP		   ? MM_ERR_INVALID
							   : MM_ERR_IO;
	return why_say(why, e, NULL, "cannot %s %s/%s/%s: %s", verb, f->dir,
		       state_names[state], name, said(errno));
}

static enum mm_err root_failed(const struct key_folders *f, const char *verb,
			       struct why *why)
{
	if (errno == ENOENT)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is no keyring %s: mintmark key generate "
			       "makes it, and the first start of mintmarkd; is "
			       "the data folder another one?",
			       f->dir);
	return why_say(why, MM_ERR_IO, NULL, "cannot %s %s: %s", verb, f->dir,
		       said(errno));
}

/* ---- folders ---- */

/* Who can write there can have his own key sign. */
static enum mm_err check_folder(const struct key_folders *f, int fd,
				const char *state, struct why *why)
{
	char path[PATH_MAX];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot look at %s/%s: %s",
			       f->dir, state, strerror(errno));
	snprintf(path, sizeof path, "%s%s%s", f->dir, state[0] ? "/" : "",
		 state);
	return owner_check(&st, f->owner, path, why);
}

/* Whose may the keyring be?  Ours; and root, who works for everybody, goes by
 * the folder that it lies in. */
static uid_t owner_meant(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	if (geteuid() != 0)
		return geteuid();
	return span_copy(path, sizeof path, span_str(dir)) &&
			       stat(dirname(path), &st) == 0
		       ? st.st_uid
		       : 0;
}

static enum mm_err open_root(struct key_folders *f, struct why *why)
{
	struct stat st;
	f->root = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->root < 0 || fstat(f->root, &st) != 0)
		return root_failed(f, "open", why);
	f->owner = owner_meant(f->dir);
	TRY(check_folder(f, f->root, "", why));
	f->owner = st.st_uid;
	return MM_OK;
}

enum mm_err key_folders_open(struct key_folders *f, struct why *why)
{
	size_t found = 0;
	TRY(open_root(f, why));
	for (enum key_state s = 0; s < KEY_FOLDERS; s++) {
		f->at[s] =
			openat(f->root, state_names[s],
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (f->at[s] < 0 && errno == ENOENT)
			continue;
		if (f->at[s] < 0)
			return key_failed(f, s, "open", "", why);
		TRY(check_folder(f, f->at[s], state_names[s], why));
		found += s != MARKS_STOLEN && s != MARKS_RETIRED;
	}
	if (found == 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "%s holds no keys: mintmarkd makes the first "
			       "ones when it starts, or mintmark key generate",
			       f->dir);
	return MM_OK;
}

bool key_give_to_owner(const struct key_folders *f, int fd)
{
	struct stat st;
	if (geteuid() != 0)
		return true;
	return fstat(f->root, &st) == 0 &&
	       fchown(fd, st.st_uid, st.st_gid) == 0;
}

static enum mm_err make_folder(const struct key_folders *f,
			       enum key_state state, struct why *why)
{
	const char *name = state_names[state];
	if (mkdirat(f->root, name, S_IRWXU) != 0)
		return errno == EEXIST ? MM_OK
				       : key_failed(f, state, "make", "", why);
	AUTO_FD int fd = openat(
		f->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !key_give_to_owner(f, fd) || fsync(fd) != 0)
		return key_failed(f, state, "make", "", why);
	return MM_OK;
}

static enum mm_err make_folders(struct key_folders *f, struct why *why)
{
	if (mkdir(f->dir, S_IRWXU) == 0 ? !file_sync_folder_of(f->dir)
					: errno != EEXIST)
		return root_failed(f, "make", why);
	TRY(open_root(f, why));
	for (enum key_state s = 0; s < KEY_FOLDERS; s++)
		TRY(make_folder(f, s, why));
	if (fsync(f->root) != 0)
		return root_failed(f, "sync", why);
	return MM_OK;
}

enum mm_err key_folders_make(struct key_folders *f, struct why *why)
{
	TRY(make_folders(f, why));
	key_folders_close(f);
	return key_folders_open(f, why);
}

/* A hidden name that ends in .tmp is ours, and under the lock nobody is
 * writing it: a crash left it. */
static bool is_leftover(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && name[0] == '.' && strcmp(name + n - 4, ".tmp") == 0;
}

static enum mm_err sweep_folder(const struct key_folders *f,
				enum key_state state, struct why *why)
{
	if (f->at[state] < 0)
		return MM_OK;
	DIR *d = key_folder_list(f->at[state]);
	if (d == NULL)
		return key_failed(f, state, "list", "", why);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (is_leftover(e->d_name))
			unlinkat(f->at[state], e->d_name, 0);
	closedir(d);
	return MM_OK;
}

/* One that is there may be anything: root gives away only what he made. */
static bool open_lock(struct key_folders *f)
{
	struct stat st;
	f->lock = openat(f->root, ".lock",
			 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 PRIVATE_FILE);
	if (f->lock >= 0)
		return key_give_to_owner(f, f->lock);
	if (errno == EEXIST)
		f->lock = openat(f->root, ".lock",
				 O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f->lock < 0 || fstat(f->lock, &st) != 0)
		return false;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		return true;
	errno = EMLINK;
	return false;
}

enum mm_err key_folders_lock(struct key_folders *f, struct why *why)
{
	if (!open_lock(f))
		return why_say(why, MM_ERR_IO, NULL, "cannot open %s/.lock: %s",
			       f->dir, said(errno));
	if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
		return why_say(why,
			       errno == EWOULDBLOCK ? MM_ERR_BUSY : MM_ERR_IO,
			       NULL,
			       "another change of the keys holds %s/.lock: "
			       "run again when it is done",
			       f->dir);
	for (enum key_state s = 0; s < KEY_FOLDERS; s++)
		TRY(sweep_folder(f, s, why));
	return MM_OK;
}

void key_folders_close(struct key_folders *f)
{
	for (enum key_state s = 0; s < KEY_FOLDERS; s++)
		fd_close(&f->at[s]);
	fd_close(&f->root);
	fd_close(&f->lock);
}

DIR *key_folder_list(int folder)
{
	/* Not dup(): that would share the place in the list. */
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}
