/* keyring_change.c - the life of a key: made, promoted, retired, thrown out.
 *
 * Each verb opens a change (lock, sweep, read), takes small durable steps in
 * an order that always leaves somebody to sign, and ends.  Whatever step a
 * crash falls behind, the verb called again does the rest: it looks at what
 * is there, never at what it meant to do.
 */
#include "keys/keyring.h"

#include "keys/keyring_files.h"

/* Rotation stops short of the limit, so that a compromise always has room
 * for the keys that it makes. */
#define ROOM_FOR_COMPROMISE 2

struct change {
	struct keyring_at at;
	struct secret passphrase; /* of new files; none: they are plain */
	struct key_folders folders;
	struct keyring ring;
	enum jwk_alg alg; /* of new keys */
	struct why *why;
};

static void change_end(struct change *c)
{
	keyring_free(&c->ring);
	key_folders_close(&c->folders);
	secret_wipe(&c->passphrase);
}
#define AUTO_CHANGE __attribute__((cleanup(change_end)))

static struct change change_of(struct keyring_at at, enum jwk_alg alg,
			       struct why *why)
{
	return (struct change){ .at = at,
				.folders = key_folders_none(at.dir, NULL),
				.alg = alg,
				.why = why };
}

static enum mm_err change_begin(struct change *c, bool create)
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

static struct keyring_entry *find(struct change *c, const char *kid)
{
	for (size_t i = 0; i < c->ring.count; i++)
		if (strcmp(jwk_kid(c->ring.at[i].key), kid) == 0)
			return &c->ring.at[i];
	return NULL;
}

static size_t count_of(const struct change *c, enum key_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < c->ring.count; i++)
		n += c->ring.at[i].state == state;
	return n;
}

/* The newest that signs, or NULL. */
static const struct keyring_entry *signer(const struct change *c)
{
	for (size_t i = 0; i < c->ring.count; i++)
		if (c->ring.at[i].state == KEY_ACTIVE)
			return &c->ring.at[i];
	return NULL;
}

static void name(char out[KID_SIZE], const struct keyring_entry *e)
{
	(void)span_copy(out, KID_SIZE, span_str(e ? jwk_kid(e->key) : ""));
}

static enum mm_err not_here(const struct change *c, const char *kid)
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

static enum mm_err check_room(const struct change *c)
{
	return c->ring.count < KEYRING_MAX - ROOM_FOR_COMPROMISE ? MM_OK
								 : too_many(c);
}

/* A name that begins with "-" would be taken for a flag. */
static enum mm_err make_key(const struct change *c, struct jwk **out)
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

static const struct keyring_entry *newest_of_all(const struct change *c)
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

/* What stands in the file of a key that is kept so. */
static enum mm_err text_of(const struct change *c, const struct jwk *key,
			   enum key_kept kept, struct buf *text)
{
	if (kept == KEY_OFFLINE)
		return jwk_to_json(key, text);
	if (kept == KEY_ENCRYPTED)
		return jwk_pem_encrypt(key, secret_span(&c->passphrase), text);
	buf_add(text, jwk_pem(key));
	return text->failed;
}

static enum key_kept kept_new(const struct change *c)
{
	return c->passphrase.len ? KEY_ENCRYPTED : KEY_PLAIN;
}

/* Write a new key and take it into the ring, which then owns it. */
static enum mm_err take_key(struct change *c, struct keyring_entry *e,
			    struct span text)
{
	TRY(key_file_write(&c->folders, e, text, newest_of_all(c), c->why));
	/* The newest stands first: see struct keyring. */
	memmove(&c->ring.at[1], &c->ring.at[0],
		c->ring.count * sizeof c->ring.at[0]);
	c->ring.at[0] = *e;
	c->ring.count++;
	return MM_OK;
}

static enum mm_err add_key(struct change *c, enum key_state state)
{
	AUTO_JWK struct jwk *k = NULL;
	AUTO_BUF struct buf text = buf_new(16384);
	if (c->ring.count == KEYRING_MAX)
		return too_many(c);
	TRY(make_key(c, &k));
	struct keyring_entry e = {
		.state = state,
		.kept = kept_new(c),
		.key = k,
	};
	TRY(text_of(c, k, e.kept, &text));
	TRY(take_key(c, &e, span_of(text.at, text.len)));
	k = NULL; /* transferred */
	return MM_OK;
}

static enum mm_err remove_key(struct change *c, struct keyring_entry *e)
{
	TRY(key_file_remove(&c->folders, e, c->why));
	jwk_drop(e->key);
	size_t behind = (size_t)(&c->ring.at[c->ring.count] - (e + 1));
	memmove(e, e + 1, behind * sizeof *e);
	c->ring.count--;
	return MM_OK;
}

static struct keyring_entry *waiting(struct change *c)
{
	const struct keyring_entry *e = keyring_waiting(&c->ring);
	return e ? &c->ring.at[e - c->ring.at] : NULL;
}

static enum mm_err ensure_next(struct change *c)
{
	return waiting(c) ? MM_OK : add_key(c, KEY_NEXT);
}

/* Whoever waits becomes the signer, or a new one does.  An offline key may
 * have come back with the date of its making: of two in active/ the newer
 * one signs, and that has to be it. */
static enum mm_err promote(struct change *c)
{
	struct keyring_entry *e = waiting(c);
	if (e == NULL)
		return add_key(c, KEY_ACTIVE);
	if (!e->public_too)
		return key_file_move(&c->folders, e, KEY_ACTIVE, c->why);
	TRY(key_file_touch(&c->folders, e, newest_of_all(c), c->why));
	TRY(key_file_move(&c->folders, e, KEY_ACTIVE, c->why));
	return key_file_remove_public(&c->folders, e, c->why);
}

static enum mm_err ensure_signer(struct change *c)
{
	return count_of(c, KEY_ACTIVE) ? MM_OK : promote(c);
}

/* All that sign but `kid` go to retiring/; *last gets the last such. */
static enum mm_err demote_all_but(struct change *c, const char *kid,
				  char last[KID_SIZE])
{
	for (size_t i = 0; i < c->ring.count; i++) {
		struct keyring_entry *e = &c->ring.at[i];
		if (e->state != KEY_ACTIVE || !strcmp(jwk_kid(e->key), kid))
			continue;
		TRY(key_file_move(&c->folders, e, KEY_RETIRING, c->why));
		name(last, e);
	}
	return MM_OK;
}

/* ---- the verbs ---- */

enum mm_err keyring_init(struct keyring_at at, enum jwk_alg alg,
			 struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	TRY(change_begin(&c, true));
	TRY(ensure_signer(&c));
	return ensure_next(&c);
}

enum mm_err keyring_generate(struct keyring_at at, enum jwk_alg alg,
			     char kid[KID_SIZE], struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	TRY(change_begin(&c, true));
	TRY(check_room(&c));
	TRY(add_key(&c, count_of(&c, KEY_ACTIVE) ? KEY_NEXT : KEY_ACTIVE));
	name(kid, newest_of_all(&c));
	return MM_OK;
}

/* The public half of `key` goes into next/. */
static enum mm_err announce(struct change *c, const struct jwk *key)
{
	AUTO_JWK struct jwk *public = NULL;
	AUTO_BUF struct buf text = buf_new(JWK_TEXT_MAX);
	struct span json;
	TRY(text_of(c, key, KEY_OFFLINE, &text));
	TRY(buf_done(&text, &json));
	TRY(jwk_from_json(json, &public, c->why));
	struct keyring_entry e = {
		.state = KEY_NEXT,
		.kept = KEY_OFFLINE,
		.key = public,
	};
	TRY(take_key(c, &e, json));
	public = NULL; /* transferred */
	return MM_OK;
}

/* The private half first: a key that is announced and that nobody has would
 * be of no use; one that nobody knows does no harm. */
enum mm_err keyring_generate_offline(struct keyring_at at, enum jwk_alg alg,
				     const char *away, char kid[KID_SIZE],
				     struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	AUTO_BUF struct buf pem = buf_new(16384);
	AUTO_JWK struct jwk *key = NULL;
	char path[4096];
	TRY(change_begin(&c, false));
	TRY(check_room(&c));
	TRY(make_key(&c, &key));
	int n = snprintf(path, sizeof path, "%s/%s.pem", away, jwk_kid(key));
	if (n < 0 || (size_t)n >= sizeof path)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the path of the folder is too long");
	TRY(text_of(&c, key, kept_new(&c), &pem));
	TRY(file_replace(path, span_of(pem.at, pem.len), 0600, why));
	TRY(announce(&c, key));
	name(kid, newest_of_all(&c));
	return MM_OK;
}

enum mm_err keyring_protect(struct keyring_at at, enum key_kept kept, size_t *n,
			    struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, JWK_ES256, why);
	*n = 0;
	TRY(change_begin(&c, false));
	if (c.passphrase.len == 0)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "there is no passphrase: say "
			       "key_passphrase_file, or bring the "
			       "credential " CREDENTIAL_KEYS);
	for (size_t i = 0; i < c.ring.count; i++) {
		struct keyring_entry *e = &c.ring.at[i];
		AUTO_BUF struct buf text = buf_new(16384);
		if (e->kept == kept || e->kept == KEY_OFFLINE)
			continue;
		e->kept = kept;
		TRY(text_of(&c, e->key, kept, &text));
		TRY(key_file_write(&c.folders, e, span_of(text.at, text.len),
				   NULL, why));
		++*n;
	}
	return MM_OK;
}

/* An empty next/ with one signer: nothing has begun, or all but the new
 * next key has been done. */
static enum mm_err prepare(struct change *c, struct keyring_rotation *did)
{
	TRY(check_room(c));
	TRY(ensure_signer(c));
	TRY(ensure_next(c));
	did->only_prepared = true;
	name(did->active, signer(c));
	name(did->next, waiting(c));
	return MM_OK;
}

enum mm_err keyring_rotate(struct keyring_at at, enum jwk_alg alg,
			   struct keyring_rotation *did, struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	*did = (struct keyring_rotation){ 0 };
	TRY(change_begin(&c, false));

	bool half_done = count_of(&c, KEY_ACTIVE) > 1;
	if (!half_done && waiting(&c) == NULL)
		return prepare(&c, did);

	if (half_done) {
		name(did->active, signer(&c));
	} else {
		TRY(check_room(&c));
		name(did->active, waiting(&c));
		TRY(promote(&c));
	}
	TRY(demote_all_but(&c, did->active, did->retiring));
	TRY(ensure_next(&c));
	name(did->next, waiting(&c));
	return MM_OK;
}

enum mm_err keyring_retire(struct keyring_at at, const char *kid,
			   struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, JWK_ES256, why);
	TRY(change_begin(&c, false));
	struct keyring_entry *e = find(&c, kid);
	if (e == NULL)
		return not_here(&c, kid);
	if (e->state != KEY_RETIRING)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "key %s is %s: only a retiring key can be "
			       "retired (after mintmark key rotate)",
			       kid, key_state_name(e->state));
	return remove_key(&c, e);
}

static bool others_wait(const struct change *c, const char *kid)
{
	for (size_t i = 0; i < c->ring.count; i++) {
		const struct keyring_entry *e = &c->ring.at[i];
		if (e->state == KEY_NEXT && !keyring_is_offline(e) &&
		    strcmp(jwk_kid(e->key), kid) != 0)
			return true;
	}
	return false;
}

enum mm_err keyring_compromise(struct keyring_at at, const char *kid,
			       enum jwk_alg alg, struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	TRY(change_begin(&c, false));
	const struct keyring_entry *e = find(&c, kid);
	if (e == NULL)
		return not_here(&c, kid);
	if (e->state == KEY_ACTIVE && count_of(&c, KEY_ACTIVE) == 1)
		TRY(promote(&c));
	if (!others_wait(&c, kid))
		TRY(add_key(&c, KEY_NEXT));
	return remove_key(&c, find(&c, kid)); /* the steps move entries */
}
