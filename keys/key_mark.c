/* key_mark.c - the marks of keys that a command has ended.
 *
 * A key's own file is gone when the mint hears of it, and it may hear of it
 * at its next start alone.  So the mark is made before the file goes, and
 * taken away when the event is in the log: whatever crashes, dies or does
 * not answer in between, verifiers and audit are told that the key was
 * stolen, not that it has served its time; and a file that a disk or a
 * restore has lost is not taken for an end that somebody meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/fd.h"
#include "keys/change.h"

static enum key_state folder_of(enum key_end end)
{
	return end == KEY_END_STOLEN ? MARKS_STOLEN : MARKS_RETIRED;
}

enum mm_err key_mark_put(const struct key_folders *f, const char *kid,
			 enum key_end end, struct why *why)
{
	int folder = f->at[folder_of(end)];
	AUTO_FD int fd =
		openat(folder, kid, /* a pipe: there is no reader */
		       O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		       S_IRUSR | S_IWUSR);
	if (fd < 0 || fsync(fd) != 0 || fsync(folder) != 0)
		return key_failed(f, folder_of(end), "write", kid, why);
	return MM_OK;
}

static bool is_kid(const char *name)
{
	return strlen(name) == KID_LEN &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
			    "xyz0123456789-_") == KID_LEN;
}

static enum mm_err has_mark(const struct key_folders *f, enum key_state marks,
			    const char *kid, bool *has, struct why *why)
{
	*has = f->at[marks] >= 0 &&
	       faccessat(f->at[marks], kid, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return *has || f->at[marks] < 0 || errno == ENOENT
		       ? MM_OK
		       : key_failed(f, marks, "look at", kid, why);
}

/* Retired, and then found to be stolen: both marks may be there. */
enum mm_err keyring_marked(struct keyring_at at, const char *kid,
			   enum key_end *end, struct why *why)
{
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, NULL);
	bool stolen, retired;
	*end = KEY_END_NONE;
	enum mm_err e = key_folders_open(&f, why);
	if (e != MM_OK && e != MM_ERR_NOT_FOUND) /* no folders, no marks */
		return e;
	if (!is_kid(kid))
		return MM_OK;
	TRY(has_mark(&f, MARKS_STOLEN, kid, &stolen, why));
	TRY(has_mark(&f, MARKS_RETIRED, kid, &retired, why));
	if (stolen || retired)
		*end = stolen ? KEY_END_STOLEN : KEY_END_RETIRED;
	return MM_OK;
}

enum mm_err keyring_mark(struct keyring_at at, const char *kid,
			 enum key_end end, struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, JWK_ES256, why);
	TRY(change_begin(&c, false));
	if (!is_kid(kid))
		return change_not_here(&c, kid);
	if (change_find(&c, kid) != NULL)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "the key %s is back in %s: run this again", kid,
			       at.dir);
	return key_mark_put(&c.folders, kid, end, why);
}

enum mm_err keyring_finish(struct keyring_at at, const struct keyring *k,
			   enum jwk_alg alg, char kid[KID_SIZE],
			   struct keyring_thrown *did, struct why *why)
{
	kid[0] = '\0'; /* accused is who has a mark */
	for (size_t i = 0; i < k->count; i++) {
		const char *name = jwk_kid(k->at[i].key);
		enum key_end end;
		TRY(keyring_marked(at, name, &end, why));
		if (end != KEY_END_STOLEN)
			continue;
		snprintf(kid, KID_SIZE, "%s", name);
		enum mm_err e = keyring_compromise(at, kid, alg, did, why);
		return e == MM_ERR_NOT_FOUND ? MM_OK : e; /* gone meanwhile */
	}
	return MM_OK;
}

enum mm_err keyring_each_stolen(struct keyring_at at,
				void (*each)(void *, const char *kid),
				void *ctx, struct why *why)
{
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, NULL);
	TRY(key_folders_open(&f, why));
	if (f.at[MARKS_STOLEN] < 0)
		return MM_OK;
	DIR *d = key_folder_list(f.at[MARKS_STOLEN]);
	if (d == NULL)
		return key_failed(&f, MARKS_STOLEN, "list", "", why);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (is_kid(e->d_name))
			each(ctx, e->d_name);
	closedir(d);
	return MM_OK;
}

static bool is_one_of(const struct key_names *names, const char *kid)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->at[i], kid) == 0)
			return true;
	return false;
}

static enum mm_err unmark(const struct key_folders *f, enum key_state marks,
			  const struct keyring *k,
			  const struct key_names *unsaid, struct why *why)
{
	enum mm_err err = MM_OK;
	if (f->at[marks] < 0)
		return MM_OK;
	DIR *d = key_folder_list(f->at[marks]);
	if (d == NULL)
		return key_failed(f, marks, "list", "", why);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (is_kid(e->d_name) && keyring_find(k, e->d_name) == NULL &&
		    !is_one_of(unsaid, e->d_name) &&
		    unlinkat(f->at[marks], e->d_name, 0) != 0)
			err = key_failed(f, marks, "remove", e->d_name, why);
	closedir(d);
	return err;
}

enum mm_err keyring_unmark(struct keyring_at at, const struct keyring *k,
			   const struct key_names *unsaid, struct why *why)
{
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, NULL);
	TRY(key_folders_open(&f, why));
	TRY(unmark(&f, MARKS_STOLEN, k, unsaid, why));
	return unmark(&f, MARKS_RETIRED, k, unsaid, why);
}

/* Under the lock nobody is about to retire it.  Who holds the lock may be, and
 * then the next reload looks again. */
static enum mm_err unmark_kept(struct keyring_at at, struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, JWK_ES256, why);
	enum mm_err e = change_begin(&c, false);
	if (e != MM_OK)
		return e == MM_ERR_BUSY ? MM_OK : e;
	for (size_t i = 0; i < c.ring.count; i++) {
		const char *kid = jwk_kid(c.ring.at[i].key);
		if (unlinkat(c.folders.at[MARKS_RETIRED], kid, 0) != 0 &&
		    errno != ENOENT)
			return key_failed(&c.folders, MARKS_RETIRED, "remove",
					  kid, why);
	}
	return MM_OK;
}

/* A key that is there was not retired: that was cut off, or its file has come
 * back, and should it be lost one day, nobody will have meant it.  (A stolen
 * one that is there is still to be thrown out.) */
enum mm_err keyring_unmark_kept(struct keyring_at at, const struct keyring *k,
				struct why *why)
{
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, NULL);
	TRY(key_folders_open(&f, why));
	for (size_t i = 0; i < k->count; i++) {
		bool kept;
		TRY(has_mark(&f, MARKS_RETIRED, jwk_kid(k->at[i].key), &kept,
			     why));
		if (kept)
			return unmark_kept(at, why);
	}
	return MM_OK;
}
