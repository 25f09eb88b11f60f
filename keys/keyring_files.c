/* keyring_files.c - key files: written whole, read with care, moved, gone.
 *
 * A file is written under a hidden name (.KID.tmp), synced, and renamed to
 * what it is; each folder is synced after its names change.  Links are never
 * followed and nothing is ever overwritten.  Root works on behalf of the
 * folder's owner, so that mintmarkd can read what an administrator made.
 */
#include "keys/keyring_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE    (KID_SIZE + 8) /* ".KID.tmp" and "KID.pub.jwk" */
#define PEM_MAX	     16384
#define PRIVATE_FILE (S_IRUSR | S_IWUSR)

static void close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
#define AUTO_FD __attribute__((cleanup(close_at)))

static const char *const state_names[KEY_STATES] = {
	[KEY_NEXT] = "next",
	[KEY_ACTIVE] = "active",
	[KEY_RETIRING] = "retiring",
};

const char *key_state_name(enum key_state s)
{
	return state_names[s];
}

/* errno, as an error with a sentence: "cannot VERB DIR/STATE/NAME: ...". */
static enum mm_err failed(const struct key_folders *f, enum key_state state,
			  const char *verb, const char *name, struct why *why)
{
	enum mm_err e = errno == ENOSPC || errno == EDQUOT ? MM_ERR_FULL
			: errno == ENOENT		   ? MM_ERR_NOT_FOUND
			: errno == ELOOP		   ? MM_ERR_INVALID
							   : MM_ERR_IO;
	return why_say(why, e, NULL, "cannot %s %s/%s/%s: %s", verb, f->dir,
		       state_names[state], name,
		       errno == ELOOP ? "it is a symbolic link"
				      : strerror(errno));
}

static enum mm_err root_failed(const struct key_folders *f, const char *verb,
			       struct why *why)
{
	enum mm_err e = errno == ENOENT ? MM_ERR_NOT_FOUND : MM_ERR_IO;
	return why_say(why, e, NULL, "cannot %s %s: %s", verb, f->dir,
		       strerror(errno));
}

/* ---- folders ---- */

static enum mm_err check_folder(const struct key_folders *f,
				enum key_state state, struct why *why)
{
	struct stat st;
	if (fstat(f->at[state], &st) != 0)
		return failed(f, state, "look at", "", why);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "others can write to %s/%s: chmod 700 it",
			       f->dir, state_names[state]);
	return MM_OK;
}

enum mm_err key_folders_open(struct key_folders *f, struct why *why)
{
	size_t found = 0;
	f->root = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->root < 0)
		return root_failed(f, "open", why);
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++) {
		f->at[s] =
			openat(f->root, state_names[s],
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (f->at[s] < 0 && errno == ENOENT)
			continue;
		if (f->at[s] < 0)
			return failed(f, s, "open", "", why);
		TRY(check_folder(f, s, why));
		found++;
	}
	if (found == 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "%s holds no keys: mintmarkd makes the first "
			       "ones when it starts, or mintmark key generate",
			       f->dir);
	return MM_OK;
}

/* Root's new files belong to whom the folder belongs to. */
static bool give_to_owner(const struct key_folders *f, int fd)
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
				       : failed(f, state, "make", "", why);
	AUTO_FD int fd = openat(
		f->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !give_to_owner(f, fd))
		return failed(f, state, "make", "", why);
	return MM_OK;
}

static enum mm_err make_folders(struct key_folders *f, struct why *why)
{
	if (mkdir(f->dir, S_IRWXU) != 0 && errno != EEXIST)
		return root_failed(f, "make", why);
	f->root = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->root < 0)
		return root_failed(f, "open", why);
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++)
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
	DIR *d = key_folder_list(f, state);
	if (d == NULL)
		return failed(f, state, "list", "", why);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (is_leftover(e->d_name))
			unlinkat(f->at[state], e->d_name, 0);
	closedir(d);
	return MM_OK;
}

enum mm_err key_folders_lock(struct key_folders *f, struct why *why)
{
	f->lock =
		openat(f->root, ".lock",
		       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, PRIVATE_FILE);
	if (f->lock < 0 || !give_to_owner(f, f->lock))
		return why_say(why, MM_ERR_IO, NULL, "cannot open %s/.lock: %s",
			       f->dir, strerror(errno));
	if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
		return why_say(why,
			       errno == EWOULDBLOCK ? MM_ERR_BUSY : MM_ERR_IO,
			       NULL,
			       "another change of the keys holds %s/.lock: "
			       "run again when it is done",
			       f->dir);
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++)
		TRY(sweep_folder(f, s, why));
	return MM_OK;
}

void key_folders_close(struct key_folders *f)
{
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++)
		close_at(&f->at[s]);
	close_at(&f->root);
	close_at(&f->lock);
}

DIR *key_folder_list(const struct key_folders *f, enum key_state state)
{
	/* Not dup(): that would share the place in the list. */
	int fd = openat(f->at[state], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

/* ---- reading ---- */

static enum mm_err check_file(const struct key_folders *f, enum key_state state,
			      const char *name, const struct stat *st,
			      struct why *why)
{
	if (!S_ISREG(st->st_mode))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s/%s/%s is not a plain file: take it away",
			       f->dir, state_names[state], name);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "others can read %s/%s/%s: chmod 600 it, and "
			       "replace the key if they may have",
			       f->dir, state_names[state], name);
	return MM_OK;
}

static enum mm_err read_pem(int fd, struct buf *pem)
{
	ssize_t n = 1;
	while (n > 0) {
		uint8_t *to = buf_room(pem, 1024);
		if (to == NULL)
			return pem->failed;
		n = read(fd, to, 1024);
		if (n > 0)
			buf_grew(pem, (size_t)n);
	}
	return n < 0 ? MM_ERR_IO : MM_OK;
}

static void file_name(char out[NAME_SIZE], const struct jwk *k)
{
	snprintf(out, NAME_SIZE, "%s%s", jwk_kid(k),
		 jwk_is_private(k) ? KEY_PRIVATE : KEY_PUBLIC);
}

static enum mm_err parse_key(const struct key_folders *f, enum key_state state,
			     const char *name, struct span text,
			     struct jwk **out, struct why *why)
{
	struct why inner = { .text = "" };
	bool public = strcmp(name + strcspn(name, "."), KEY_PUBLIC) == 0;
	enum mm_err e = public ? jwk_from_json(text, out, &inner)
			       : jwk_from_pem(text, out, &inner);
	if (e == MM_OK)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL, "%s/%s/%s: %s", f->dir,
		       state_names[state], name, inner.text);
}

enum mm_err key_file_read(const struct key_folders *f, enum key_state state,
			  const char *name, struct keyring_entry *out,
			  struct why *why)
{
	struct stat st;
	struct span text;
	char want[NAME_SIZE];
	AUTO_JWK struct jwk *k = NULL;
	AUTO_BUF struct buf pem = buf_new(PEM_MAX);
	AUTO_FD int fd = openat(f->at[state], name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return failed(f, state, "read", name, why);
	TRY(check_file(f, state, name, &st, why));
	if (read_pem(fd, &pem) != MM_OK || buf_done(&pem, &text) != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "cannot read %s/%s/%s as a key", f->dir,
			       state_names[state], name);
	TRY(parse_key(f, state, name, text, &k, why));

	file_name(want, k);
	if (strcmp(name, want) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s/%s/%s holds the key %s: its name must be "
			       "%s",
			       f->dir, state_names[state], name, jwk_kid(k),
			       want);
	*out = (struct keyring_entry){ state, st.st_mtim.tv_sec,
				       st.st_mtim.tv_nsec, k, false };
	k = NULL; /* transferred */
	return MM_OK;
}

/* ---- changing ---- */

/* A new key is newer than all before it, also where the clock was set back
 * or ticks coarsely: age decides who signs in a half-finished rotation. */
static bool stamp(int fd, struct keyring_entry *e,
		  const struct keyring_entry *after)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return false;
	struct timespec at[2] = { st.st_mtim, st.st_mtim };
	struct timespec least = { after->created, after->created_ns + 1 };
	if (least.tv_nsec == 1000000000L)
		least = (struct timespec){ after->created + 1, 0 };
	if (at[1].tv_sec < least.tv_sec ||
	    (at[1].tv_sec == least.tv_sec && at[1].tv_nsec < least.tv_nsec))
		at[0] = at[1] = least;
	e->created = at[1].tv_sec;
	e->created_ns = at[1].tv_nsec;
	return futimens(fd, at) == 0;
}

static enum mm_err key_text(const struct jwk *k, struct buf *text,
			    struct span *out)
{
	if (jwk_is_private(k))
		buf_add(text, jwk_pem(k));
	else
		TRY(jwk_to_json(k, text));
	return buf_done(text, out);
}

enum mm_err key_file_write(const struct key_folders *f, struct keyring_entry *e,
			   const struct keyring_entry *after, struct why *why)
{
	char temp[NAME_SIZE], name[NAME_SIZE];
	int folder = f->at[e->state];
	AUTO_BUF struct buf b = buf_new(PEM_MAX);
	struct span text;
	TRY(key_text(e->key, &b, &text));
	snprintf(temp, sizeof temp, ".%s.tmp", jwk_kid(e->key));
	file_name(name, e->key);

	AUTO_FD int fd =
		openat(folder, temp,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       PRIVATE_FILE);
	if (fd < 0)
		return failed(f, e->state, "write", name, why);
	if (!give_to_owner(f, fd) || !file_write_all(fd, text) ||
	    !stamp(fd, e, after) || fsync(fd) != 0 ||
	    renameat(folder, temp, folder, name) != 0 || fsync(folder) != 0) {
		enum mm_err err = failed(f, e->state, "write", name, why);
		unlinkat(folder, temp, 0);
		return err;
	}
	return MM_OK;
}

enum mm_err key_file_touch(const struct key_folders *f, struct keyring_entry *e,
			   const struct keyring_entry *after, struct why *why)
{
	char name[NAME_SIZE];
	file_name(name, e->key);
	AUTO_FD int fd = openat(f->at[e->state], name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !stamp(fd, e, after) || fsync(fd) != 0)
		return failed(f, e->state, "touch", name, why);
	return MM_OK;
}

enum mm_err key_file_move(const struct key_folders *f, struct keyring_entry *e,
			  enum key_state to, struct why *why)
{
	char name[NAME_SIZE];
	file_name(name, e->key);
	if (renameat(f->at[e->state], name, f->at[to], name) != 0 ||
	    fsync(f->at[to]) != 0 || fsync(f->at[e->state]) != 0)
		return failed(f, e->state, "move", name, why);
	e->state = to;
	return MM_OK;
}

enum mm_err key_file_remove_public(const struct key_folders *f,
				   const struct keyring_entry *e,
				   struct why *why)
{
	char name[NAME_SIZE];
	snprintf(name, sizeof name, "%s" KEY_PUBLIC, jwk_kid(e->key));
	if ((unlinkat(f->at[KEY_NEXT], name, 0) != 0 && errno != ENOENT) ||
	    fsync(f->at[KEY_NEXT]) != 0)
		return failed(f, KEY_NEXT, "remove", name, why);
	return MM_OK;
}

/* The public one first: left alone it would be a key again. */
enum mm_err key_file_remove(const struct key_folders *f,
			    const struct keyring_entry *e, struct why *why)
{
	char name[NAME_SIZE];
	if (e->public_too)
		TRY(key_file_remove_public(f, e, why));
	file_name(name, e->key);
	if (unlinkat(f->at[e->state], name, 0) != 0 ||
	    fsync(f->at[e->state]) != 0)
		return failed(f, e->state, "remove", name, why);
	return MM_OK;
}
