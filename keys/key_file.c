/* key_file.c - key files: written whole, read with care, moved, gone.
 *
 * A file is written under a hidden name (.KID.tmp), synced, and renamed to
 * what it is; each folder is synced after its names change.  Its ending says
 * what it holds: KID.pem a key, KID.uri where one is, KID.pub.jwk half of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/owner.h"
#include "keys/key_uri.h"
#include "keys/keyring_files.h"

#define NAME_SIZE    (KID_SIZE + 8) /* ".KID.tmp" and "KID.pub.jwk" */
#define FILE_MAX     16384
#define PRIVATE_FILE (S_IRUSR | S_IWUSR)

static const struct {
	const char *name, *ending;
} kinds[] = {
	[KEY_PLAIN] = { "plain", ".pem" },
	[KEY_ENCRYPTED] = { "encrypted", ".pem" },
	[KEY_IN_TOKEN] = { "pkcs11", ".uri" },
	[KEY_OFFLINE] = { "offline", ".pub.jwk" },
};

const char *key_kept_name(enum key_kept k)
{
	return kinds[k].name;
}

static bool ends_as(const char *name, enum key_kept k)
{
	return strcmp(name + strcspn(name, "."), kinds[k].ending) == 0;
}

bool key_file_named(enum key_state state, const char *name)
{
	if (strcspn(name, ".") != KID_LEN)
		return false;
	return ends_as(name, KEY_PLAIN) || ends_as(name, KEY_IN_TOKEN) ||
	       (state == KEY_NEXT && ends_as(name, KEY_OFFLINE));
}

static void name_of(char out[NAME_SIZE], const struct keyring_entry *e)
{
	snprintf(out, NAME_SIZE, "%s%s", jwk_kid(e->key),
		 kinds[e->kept].ending);
}

/* ---- reading ---- */

static enum mm_err check_file(const struct key_folders *f, enum key_state state,
			      const char *name, const struct stat *st,
			      struct why *why)
{
	if (!S_ISREG(st->st_mode))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s/%s/%s is not a plain file: take it away",
			       f->dir, key_state_name(state), name);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "others can read %s/%s/%s: chmod 600 it, and "
			       "replace the key if they may have",
			       f->dir, key_state_name(state), name);
	if (!owner_is_right(st, f->owner))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s/%s/%s belongs to another user (uid %u) than "
			       "the keyring (uid %u): chown it if you know "
			       "whose it is, or take it away",
			       f->dir, key_state_name(state), name,
			       (unsigned)st->st_uid, (unsigned)f->owner);
	return MM_OK;
}

static enum mm_err read_all(int fd, struct buf *text)
{
	ssize_t n = 1;
	while (n > 0) {
		uint8_t *to = buf_room(text, 1024);
		if (to == NULL)
			return text->failed;
		n = read(fd, to, 1024);
		if (n > 0)
			buf_grew(text, (size_t)n);
	}
	return n < 0 ? MM_ERR_IO : MM_OK;
}

static enum mm_err parse_pem(const struct key_folders *f, struct span text,
			     struct keyring_entry *out, struct why *why)
{
	struct jwk_pass pass = { .text = secret_span(f->passphrase) };
	TRY(jwk_from_pem(text, &pass, &out->key, why));
	out->kept = pass.asked ? KEY_ENCRYPTED : KEY_PLAIN;
	return MM_OK;
}

enum mm_err key_from_uri(struct span text, struct jwk **out, struct why *why)
{
	struct key_uri at;
	AUTO_SECRET struct secret pin = { .len = 0 };
	TRY(key_uri_read(text, &at, why));
	TRY(secret_read(at.pin_file, CREDENTIAL_PIN, &pin, why));
	struct jwk_pass pass = { .text = secret_span(&pin) };
	return jwk_from_uri(at.uri, &pass, out, why);
}

static enum mm_err parse_uri(struct span text, struct keyring_entry *out,
			     struct why *why)
{
	out->kept = KEY_IN_TOKEN;
	/* What is cut off may name a key, too; even the right one. */
	if (text.len == 0 || text.at[text.len - 1] != '\n')
		return why_say(why, MM_ERR_INVALID, NULL,
			       "not all of a line: its end is missing; take "
			       "the file away and mintmark key import it anew");
	return key_from_uri(text, &out->key, why);
}

static enum mm_err parse_public(struct span text, struct keyring_entry *out,
				struct why *why)
{
	struct why inner = { .text = "out of memory" };
	out->kept = KEY_OFFLINE;
	if (jwk_from_json(text, &out->key, &inner) == MM_OK)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s; put the whole file back, or take it away and "
		       "make another offline key",
		       inner.text);
}

static enum mm_err parse(const struct key_folders *f, const char *name,
			 struct span text, struct keyring_entry *out,
			 struct why *why)
{
	struct why inner = { .text = "out of memory" };
	enum mm_err e =
		ends_as(name, KEY_IN_TOKEN)  ? parse_uri(text, out, &inner)
		: ends_as(name, KEY_OFFLINE) ? parse_public(text, out, &inner)
					     : parse_pem(f, text, out, &inner);
	if (e == MM_OK)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL, "%s/%s/%s: %s", f->dir,
		       key_state_name(out->state), name, inner.text);
}

static enum mm_err check_name(const struct key_folders *f, const char *name,
			      const struct keyring_entry *e, struct why *why)
{
	char want[NAME_SIZE];
	name_of(want, e);
	if (strcmp(name, want) == 0)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s/%s/%s holds the key %s: its name must be %s", f->dir,
		       key_state_name(e->state), name, jwk_kid(e->key), want);
}

enum mm_err key_file_read(const struct key_folders *f, enum key_state state,
			  const char *name, struct keyring_entry *out,
			  struct why *why)
{
	struct stat st;
	struct span text;
	struct keyring_entry e = { .state = state };
	AUTO_BUF struct buf all = buf_new(FILE_MAX);
	AUTO_FD int fd = openat(f->at[state], name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return key_failed(f, state, "read", name, why);
	TRY(check_file(f, state, name, &st, why));
	if (read_all(fd, &all) != MM_OK || buf_done(&all, &text) != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "cannot read %s/%s/%s as a key", f->dir,
			       key_state_name(state), name);
	e.created = st.st_mtim.tv_sec;
	e.created_ns = st.st_mtim.tv_nsec;
	TRY(parse(f, name, text, &e, why));

	AUTO_JWK struct jwk *k = e.key;
	TRY(check_name(f, name, &e, why));
	k = NULL; /* transferred */
	*out = e;
	return MM_OK;
}

/* ---- changing ---- */

/* A new key is newer than all before it, also where the clock was set back
 * or ticks coarsely: age decides who signs in a half-finished rotation. */
static bool choose_time(int fd, struct keyring_entry *e,
			const struct keyring_entry *after)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return false;
	struct timespec now = st.st_mtim;
	struct timespec least = { after->created, after->created_ns + 1 };
	if (least.tv_nsec == 1000000000L)
		least = (struct timespec){ after->created + 1, 0 };
	if (now.tv_sec < least.tv_sec ||
	    (now.tv_sec == least.tv_sec && now.tv_nsec < least.tv_nsec))
		now = least;
	e->created = now.tv_sec;
	e->created_ns = now.tv_nsec;
	return true;
}

static bool stamp(int fd, const struct keyring_entry *e)
{
	struct timespec made = { e->created, e->created_ns };
	struct timespec at[2] = { made, made };
	return futimens(fd, at) == 0;
}

enum mm_err key_file_write(const struct key_folders *f, struct keyring_entry *e,
			   struct span text, const struct keyring_entry *after,
			   struct why *why)
{
	char temp[NAME_SIZE], name[NAME_SIZE];
	int folder = f->at[e->state];
	snprintf(temp, sizeof temp, ".%s.tmp", jwk_kid(e->key));
	name_of(name, e);

	AUTO_FD int fd =
		openat(folder, temp,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       PRIVATE_FILE);
	if (fd < 0)
		return key_failed(f, e->state, "write", name, why);
	if (!key_give_to_owner(f, fd) || !file_write_all(fd, text) ||
	    (after != NULL && !choose_time(fd, e, after)) || !stamp(fd, e) ||
	    fsync(fd) != 0 || renameat(folder, temp, folder, name) != 0 ||
	    fsync(folder) != 0) {
		enum mm_err err = key_failed(f, e->state, "write", name, why);
		unlinkat(folder, temp, 0);
		return err;
	}
	return MM_OK;
}

enum mm_err key_file_touch(const struct key_folders *f, struct keyring_entry *e,
			   const struct keyring_entry *after, struct why *why)
{
	char name[NAME_SIZE];
	name_of(name, e);
	AUTO_FD int fd = openat(f->at[e->state], name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !choose_time(fd, e, after) || !stamp(fd, e) ||
	    fsync(fd) != 0)
		return key_failed(f, e->state, "touch", name, why);
	return MM_OK;
}

enum mm_err key_file_move(const struct key_folders *f, struct keyring_entry *e,
			  enum key_state to, struct why *why)
{
	char name[NAME_SIZE];
	name_of(name, e);
	if (renameat(f->at[e->state], name, f->at[to], name) != 0 ||
	    fsync(f->at[to]) != 0 || fsync(f->at[e->state]) != 0)
		return key_failed(f, e->state, "move", name, why);
	e->state = to;
	return MM_OK;
}

enum mm_err key_file_remove_public(const struct key_folders *f,
				   const struct keyring_entry *e,
				   struct why *why)
{
	char name[NAME_SIZE];
	snprintf(name, sizeof name, "%s%s", jwk_kid(e->key),
		 kinds[KEY_OFFLINE].ending);
	if ((unlinkat(f->at[KEY_NEXT], name, 0) != 0 && errno != ENOENT) ||
	    fsync(f->at[KEY_NEXT]) != 0)
		return key_failed(f, KEY_NEXT, "remove", name, why);
	return MM_OK;
}

/* The public one first: left alone it would be a key again. */
enum mm_err key_file_remove(const struct key_folders *f,
			    const struct keyring_entry *e, struct why *why)
{
	char name[NAME_SIZE];
	if (e->public_too)
		TRY(key_file_remove_public(f, e, why));
	name_of(name, e);
	if (unlinkat(f->at[e->state], name, 0) != 0 ||
	    fsync(f->at[e->state]) != 0)
		return key_failed(f, e->state, "remove", name, why);
	return MM_OK;
}
