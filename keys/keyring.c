/* keyring.c - a keyring read: every key with its state, in order.
 *
 * Reading takes no lock, so that a change never has to wait for the mint and
 * the mint never for a change.  Keys move next -> active -> retiring and the
 * folders are read in that order: a key that moves meanwhile is seen at
 * least once.  Seen twice, or listed and gone, means that we looked during
 * a change, and look again.
 */
#include "keys/keyring.h"

#include <errno.h>
#include <stdlib.h>

#include "keys/keyring_files.h"

#define LOOKS 8

void keyring_free(struct keyring *k)
{
	for (size_t i = 0; i < k->count; i++)
		jwk_drop(k->at[i].key);
	k->count = 0;
}

void keyring_leave(struct keyring *k, size_t i)
{
	jwk_drop(k->at[i].key);
	k->count--;
	memmove(&k->at[i], &k->at[i + 1], (k->count - i) * sizeof k->at[0]);
}

const struct keyring_entry *keyring_find(const struct keyring *k,
					 const char *kid)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(jwk_kid(k->at[i].key), kid) == 0)
			return &k->at[i];
	return NULL;
}

static struct keyring_entry *find(struct keyring *k, const char *kid)
{
	const struct keyring_entry *e = keyring_find(k, kid);
	return e ? &k->at[e - k->at] : NULL;
}

static size_t count_of(const struct keyring *k, enum key_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < k->count; i++)
		n += k->at[i].state == state;
	return n;
}

/* ---- one look ---- */

/* The public file of a key whose private half came back says no more than
 * that. */
static bool unite(struct keyring_entry *with, struct keyring_entry *e)
{
	if (keyring_is_offline(with) == keyring_is_offline(e))
		return false;
	struct keyring_entry public = keyring_is_offline(e) ? *e : *with;
	*with = keyring_is_offline(e) ? *with : *e;
	with->public_too = true;
	jwk_drop(public.key);
	return true;
}

static enum mm_err look_at_file(const struct key_folders *f,
				enum key_state state, const char *name,
				struct keyring *out, struct why *why)
{
	struct keyring_entry e;
	if (!key_file_named(state, name))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s/%s/%.80s is not named like a key (KID.pem "
			       "or KID.uri): take it away",
			       f->dir, key_state_name(state), name);
	if (out->count == KEYRING_MAX)
		return why_say(
			why, MM_ERR_TOO_LARGE, NULL,
			"%s holds more than %d keys: retire the old ones",
			f->dir, KEYRING_MAX);
	TRY(key_file_read(f, state, name, &e, why));
	struct keyring_entry *same = find(out, jwk_kid(e.key));
	if (same != NULL && unite(same, &e))
		return MM_OK;
	out->at[out->count++] = e;
	if (same != NULL)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "the key %s stands in %s/%s and in another "
			       "state too: remove one",
			       jwk_kid(e.key), f->dir, key_state_name(state));
	return MM_OK;
}

static enum mm_err look_in_folder(const struct key_folders *f,
				  enum key_state state, struct keyring *out,
				  struct why *why)
{
	if (f->at[state] < 0)
		return MM_OK;
	DIR *d = key_folder_list(f->at[state]);
	if (d == NULL)
		return why_say(why, MM_ERR_IO, NULL, "cannot list %s/%s: %s",
			       f->dir, key_state_name(state), strerror(errno));
	enum mm_err e = MM_OK;
	for (const struct dirent *file;
	     e == MM_OK && (file = readdir(d)) != NULL;)
		if (file->d_name[0] != '.')
			e = look_at_file(f, state, file->d_name, out, why);
	closedir(d);
	return e;
}

static enum mm_err look(const struct key_folders *f, struct keyring *out,
			struct why *why)
{
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++)
		TRY(look_in_folder(f, s, out, why));
	return MM_OK;
}

/* Could a change that ran beside us be why? */
static bool look_again(enum mm_err e, const struct keyring *k)
{
	return e == MM_ERR_NOT_FOUND || e == MM_ERR_CONFLICT ||
	       (e == MM_OK && k->count != 0 && keyring_signer(k) == NULL);
}

/* ---- the whole ---- */

/* By state, newest first; names settle what age does not. */
static int compare(const void *left, const void *right)
{
	const struct keyring_entry *a = left, *b = right;
	if (a->state != b->state)
		return a->state < b->state ? -1 : 1;
	if (a->created != b->created)
		return a->created > b->created ? -1 : 1;
	if (a->created_ns != b->created_ns)
		return a->created_ns > b->created_ns ? -1 : 1;
	return strcmp(jwk_kid(b->key), jwk_kid(a->key));
}

static enum mm_err load(struct keyring_at at, struct keyring *out,
			struct why *why)
{
	AUTO_SECRET struct secret pass = { .len = 0 };
	AUTO_FOLDERS struct key_folders f = key_folders_none(at.dir, &pass);
	TRY(secret_read(at.passphrase_file, CREDENTIAL_KEYS, &pass, why));
	TRY(key_folders_open(&f, why));
	out->sealed = pass.len != 0;
	enum mm_err e = look(&f, out, why);
	for (int i = 1; i < LOOKS && look_again(e, out); i++) {
		keyring_free(out);
		e = look(&f, out, why);
	}
	if (e != MM_OK)
		return e == MM_ERR_CONFLICT ? MM_ERR_INVALID : e;

	qsort(out->at, out->count, sizeof out->at[0], compare);
	if (count_of(out, KEY_ACTIVE) > 2)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s/active holds %zu keys, and one may sign: "
			       "move the others to retiring/",
			       at.dir, count_of(out, KEY_ACTIVE));
	return MM_OK;
}

enum mm_err keyring_load(struct keyring_at at, struct keyring *out,
			 struct why *why)
{
	out->count = 0;
	enum mm_err e = load(at, out, why);
	if (e != MM_OK)
		keyring_free(out);
	return e;
}

struct jwk *keyring_signer(const struct keyring *k)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->at[i].state == KEY_ACTIVE)
			return k->at[i].key;
	return NULL;
}

const struct keyring_entry *keyring_waiting(const struct keyring *k)
{
	const struct keyring_entry *first = NULL;
	for (size_t i = 0; i < k->count; i++) {
		const struct keyring_entry *e = &k->at[i];
		if (e->state != KEY_NEXT || keyring_is_offline(e))
			continue;
		if (first == NULL || e->public_too >= first->public_too)
			first = e; /* newest first: the later, the older */
	}
	return first;
}

struct jwk *keyring_successor(const struct keyring *k)
{
	const struct keyring_entry *e = keyring_waiting(k);
	return e == NULL || count_of(k, KEY_ACTIVE) > 1 ? NULL : e->key;
}
