/* change.c - the steps of which every change of a keyring is made. */
#include "keys/change.h"

/* Rotation stops short of the limit, so that a compromise always has room
 * for the keys that it makes. */
#define ROOM_FOR_COMPROMISE 2

void change_end(struct change *c)
{
	keyring_free(&c->ring);
	key_folders_close(&c->folders);
	secret_wipe(&c->passphrase);
}

struct change change_of(struct keyring_at at, enum jwk_alg alg, struct why *why)
{
	return (struct change){ .at = at,
				.folders = key_folders_none(at.dir, NULL),
				.alg = alg,
				.why = why };
}

enum mm_err change_begin(struct change *c, bool create)
{
	if (!create)
		TRY(key_folders_open(&c->folders, c->why));
	key_folders_close(&c->folders);
	TRY(key_folders_make(&c->folders, c->why));
	TRY(key_folders_lock(&c->folders, c->why));
	TRY(secret_read(c->at.passphrase_file, CREDENTIAL_KEYS, &c->passphrase,
			c->why));
	return keyring_load(c->at, &c->ring, c->why);
}

/* ---- looking ---- */

struct keyring_entry *change_find(struct change *c, const char *kid)
{
	const struct keyring_entry *e = keyring_find(&c->ring, kid);
	return e ? &c->ring.at[e - c->ring.at] : NULL;
}

size_t change_count(const struct change *c, enum key_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < c->ring.count; i++)
		n += c->ring.at[i].state == state;
	return n;
}

/* The newest that signs, or NULL. */
const struct keyring_entry *change_signer(const struct change *c)
{
	for (size_t i = 0; i < c->ring.count; i++)
		if (c->ring.at[i].state == KEY_ACTIVE)
			return &c->ring.at[i];
	return NULL;
}

void change_name(char out[KID_SIZE], const struct keyring_entry *e)
{
	(void)span_copy(out, KID_SIZE, span_str(e ? jwk_kid(e->key) : ""));
}

enum mm_err change_not_here(const struct change *c, const char *kid)
{
	return why_say(c->why, MM_ERR_NOT_FOUND, NULL,
		       "%s holds no key %.20s: mintmark key list shows all",
		       c->folders.dir, kid);
}

/* ---- steps ---- */

static enum mm_err too_many(const struct change *c)
{
	return why_say(c->why, MM_ERR_CONFLICT, NULL,
		       "%s holds %zu keys already: retire some first",
		       c->folders.dir, c->ring.count);
}

enum mm_err change_check_room(const struct change *c)
{
	return c->ring.count < KEYRING_MAX - ROOM_FOR_COMPROMISE ? MM_OK
								 : too_many(c);
}

/* A name that begins with "-" would be taken for a flag. */
enum mm_err change_make_key(const struct change *c, struct jwk **out)
{
	for (;;) {
		AUTO_JWK struct jwk *k = NULL;
		if (jwk_generate(c->alg, &k) != MM_OK)
			return why_say(c->why, MM_ERR_CRYPTO, NULL,
				       "OpenSSL could not make a key");
		if (jwk_kid(k)[0] == '-')
			continue;
		*out = k;
		k = NULL;
		return MM_OK;
	}
}

const struct keyring_entry *change_newest(const struct change *c)
{
	static const struct keyring_entry none = { 0 };
	const struct keyring_entry *hit = &none;
	for (size_t i = 0; i < c->ring.count; i++) {
		const struct keyring_entry *e = &c->ring.at[i];
		if (e->created > hit->created ||
		    (e->created == hit->created &&
		     e->created_ns > hit->created_ns))
			hit = e;
	}
	return hit;
}

static enum mm_err write_text(const struct change *c, const struct jwk *key,
			      enum key_kept kept, struct buf *text)
{
	if (kept == KEY_OFFLINE)
		return jwk_to_json(key, text);
	if (kept == KEY_ENCRYPTED)
		return jwk_pem_encrypt(key, secret_span(&c->passphrase), text);
	buf_add(text, jwk_pem(key));
	return text->failed;
}

/* What stands in the file of a key that is kept so. */
enum mm_err change_text(const struct change *c, const struct jwk *key,
			enum key_kept kept, struct buf *text)
{
	enum mm_err e = write_text(c, key, kept, text);
	if (e == MM_OK)
		return MM_OK;
	return why_say(c->why, e, NULL, "cannot write key %s down: %s",
		       jwk_kid(key),
		       e == MM_ERR_NOMEM ? "out of memory" : "OpenSSL failed");
}

enum key_kept change_kept(const struct change *c)
{
	return c->passphrase.len ? KEY_ENCRYPTED : KEY_PLAIN;
}

/* Write a new key and take it into the ring, which then owns it. */
enum mm_err change_take_key(struct change *c, struct keyring_entry *e,
			    struct span text)
{
	TRY(key_file_write(&c->folders, e, text, change_newest(c), c->why));
	/* The newest stands first: see struct keyring. */
	memmove(&c->ring.at[1], &c->ring.at[0],
		c->ring.count * sizeof c->ring.at[0]);
	c->ring.at[0] = *e;
	c->ring.count++;
	return MM_OK;
}

enum mm_err change_add_key(struct change *c, enum key_state state)
{
	AUTO_JWK struct jwk *k = NULL;
	AUTO_BUF struct buf text = buf_new(16384);
	if (c->ring.count == KEYRING_MAX)
		return too_many(c);
	TRY(change_make_key(c, &k));
	struct keyring_entry e = {
		.state = state,
		.kept = change_kept(c),
		.key = k,
	};
	TRY(change_text(c, k, e.kept, &text));
	TRY(change_take_key(c, &e, span_of(text.at, text.len)));
	k = NULL; /* transferred */
	return MM_OK;
}

enum mm_err change_remove_key(struct change *c, struct keyring_entry *e)
{
	TRY(key_file_remove(&c->folders, e, c->why));
	keyring_leave(&c->ring, (size_t)(e - c->ring.at));
	return MM_OK;
}

/* Who keeps the key that signs in a token does not want another to follow
 * it that every copy of the disk has. */
bool change_signs_in_token(const struct change *c)
{
	const struct keyring_entry *e = change_signer(c);
	return e != NULL && e->kept == KEY_IN_TOKEN;
}

struct keyring_entry *change_waiting(struct change *c)
{
	const struct keyring_entry *e = keyring_waiting(&c->ring);
	return e ? &c->ring.at[e - c->ring.at] : NULL;
}

enum mm_err change_ensure_next(struct change *c)
{
	return change_waiting(c) || change_signs_in_token(c)
		       ? MM_OK
		       : change_add_key(c, KEY_NEXT);
}

/* Whoever waits becomes the signer, or a new one does.  An offline key may
 * have come back with the date of its making: of two in active/ the newer
 * one signs, and that has to be it. */
enum mm_err change_promote(struct change *c)
{
	struct keyring_entry *e = change_waiting(c);
	if (e == NULL)
		return change_add_key(c, KEY_ACTIVE);
	if (!e->public_too)
		return key_file_move(&c->folders, e, KEY_ACTIVE, c->why);
	TRY(key_file_touch(&c->folders, e, change_newest(c), c->why));
	TRY(key_file_move(&c->folders, e, KEY_ACTIVE, c->why));
	return key_file_remove_public(&c->folders, e, c->why);
}

enum mm_err change_ensure_signer(struct change *c)
{
	return change_count(c, KEY_ACTIVE) ? MM_OK : change_promote(c);
}

/* All that sign but `kid` go to retiring/; *last gets the last such. */
enum mm_err change_demote_all_but(struct change *c, const char *kid,
				  char last[KID_SIZE])
{
	for (size_t i = 0; i < c->ring.count; i++) {
		struct keyring_entry *e = &c->ring.at[i];
		if (e->state != KEY_ACTIVE || !strcmp(jwk_kid(e->key), kid))
			continue;
		TRY(key_file_move(&c->folders, e, KEY_RETIRING, c->why));
		change_name(last, e);
	}
	return MM_OK;
}
