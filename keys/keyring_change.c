/* keyring_change.c - the life of a key: made, promoted, retired, thrown out.
 *
 * Each verb opens a change (lock, sweep, read), takes small durable steps in
 * an order that always leaves somebody to sign, and ends.  Whatever step a
 * crash falls behind, the verb called again does the rest: it looks at what
 * is there, never at what it meant to do.
 */
#include "keys/change.h"
#include "keys/key_uri.h"

enum mm_err keyring_init(struct keyring_at at, enum jwk_alg alg,
			 struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	TRY(change_begin(&c, true));
	TRY(change_ensure_signer(&c));
	return change_ensure_next(&c);
}

enum mm_err keyring_generate(struct keyring_at at, enum jwk_alg alg,
			     char kid[KID_SIZE], struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	TRY(change_begin(&c, true));
	TRY(change_check_room(&c));
	TRY(change_add_key(&c, change_count(&c, KEY_ACTIVE) ? KEY_NEXT
							    : KEY_ACTIVE));
	change_name(kid, change_newest(&c));
	return MM_OK;
}

/* The public half of `key` goes into next/. */
static enum mm_err announce(struct change *c, const struct jwk *key)
{
	AUTO_JWK struct jwk *public = NULL;
	AUTO_BUF struct buf text = buf_new(JWK_TEXT_MAX);
	struct span json;
	TRY(change_text(c, key, KEY_OFFLINE, &text));
	TRY(buf_done(&text, &json));
	TRY(jwk_from_json(json, &public, c->why));
	struct keyring_entry e = {
		.state = KEY_NEXT,
		.kept = KEY_OFFLINE,
		.key = public,
	};
	TRY(change_take_key(c, &e, json));
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
	TRY(change_check_room(&c));
	TRY(change_make_key(&c, &key));
	int n = snprintf(path, sizeof path, "%s/%s.pem", away, jwk_kid(key));
	if (n < 0 || (size_t)n >= sizeof path)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the path of the folder is too long");
	TRY(change_text(&c, key, change_kept(&c), &pem));
	TRY(file_replace(path, span_of(pem.at, pem.len), 0600, why));
	TRY(announce(&c, key));
	change_name(kid, change_newest(&c));
	return MM_OK;
}

enum mm_err keyring_import(struct keyring_at at, const char *uri,
			   char kid[KID_SIZE], struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, JWK_ES256, why);
	AUTO_JWK struct jwk *k = NULL;
	AUTO_BUF struct buf line = buf_new(KEY_URI_SIZE + 1);
	struct keyring_entry e = { .kept = KEY_IN_TOKEN };
	TRY(key_from_uri(span_str(uri), &k, why));
	TRY(change_begin(&c, true));
	TRY(change_check_room(&c));
	if (change_find(&c, jwk_kid(k)) != NULL)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "%s holds the key %s already", at.dir,
			       jwk_kid(k));
	e.state = change_count(&c, KEY_ACTIVE) ? KEY_NEXT : KEY_ACTIVE;
	e.key = k;
	buf_fmt(&line, "%s\n", uri);
	if (line.failed != MM_OK)
		return why_say(why, line.failed, NULL, "out of memory");
	TRY(change_take_key(&c, &e, span_of(line.at, line.len)));
	change_name(kid, &e);
	k = NULL; /* transferred */
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
			       "--key-passphrase-file, or bring the "
			       "credential " CREDENTIAL_KEYS);
	for (size_t i = 0; i < c.ring.count; i++) {
		struct keyring_entry *e = &c.ring.at[i];
		AUTO_BUF struct buf text = buf_new(16384);
		if (e->kept == kept || e->kept == KEY_IN_TOKEN ||
		    e->kept == KEY_OFFLINE)
			continue;
		e->kept = kept;
		TRY(change_text(&c, e->key, kept, &text));
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
	if (change_signs_in_token(c))
		return why_say(c->why, MM_ERR_CONFLICT, NULL,
			       "the key that signs is in a PKCS#11 token and "
			       "next/ is empty: make another there, and "
			       "mintmark key import its URI");
	TRY(change_check_room(c));
	TRY(change_ensure_signer(c));
	TRY(change_ensure_next(c));
	did->only_prepared = true;
	change_name(did->active, change_signer(c));
	change_name(did->next, change_waiting(c));
	return MM_OK;
}

enum mm_err keyring_rotate(struct keyring_at at, enum jwk_alg alg,
			   struct keyring_rotation *did, struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	*did = (struct keyring_rotation){ 0 };
	TRY(change_begin(&c, false));

	bool half_done = change_count(&c, KEY_ACTIVE) > 1;
	if (!half_done && change_waiting(&c) == NULL)
		return prepare(&c, did);

	if (half_done) {
		change_name(did->active, change_signer(&c));
	} else {
		TRY(change_check_room(&c));
		change_name(did->active, change_waiting(&c));
		TRY(change_promote(&c));
	}
	did->took_over = true;
	TRY(change_demote_all_but(&c, did->active, did->retiring));
	TRY(change_ensure_next(&c));
	change_name(did->next, change_waiting(&c));
	return MM_OK;
}

enum mm_err keyring_retire(struct keyring_at at, const char *kid,
			   struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, JWK_ES256, why);
	TRY(change_begin(&c, false));
	struct keyring_entry *e = change_find(&c, kid);
	if (e == NULL)
		return change_not_here(&c, kid);
	if (e->state == KEY_ACTIVE)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "key %s signs now: mintmark key rotate lets "
			       "another sign, and then this one can be retired",
			       kid);
	if (e->state == KEY_NEXT)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "key %s waits for its turn, so there is nothing "
			       "to retire: mintmark key compromise takes a key "
			       "out of any state",
			       kid);
	TRY(key_mark_put(&c.folders, kid, KEY_END_RETIRED, why));
	return change_remove_key(&c, e);
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

/* Nothing that can wait keeps a stolen key in: should there be no room on the
 * disk for a next key or the mark, it goes all the same, as long as another
 * signs; and then there may be room for the mark. */
enum mm_err keyring_compromise(struct keyring_at at, const char *kid,
			       enum jwk_alg alg, struct keyring_thrown *did,
			       struct why *why)
{
	AUTO_CHANGE struct change c = change_of(at, alg, why);
	*did = (struct keyring_thrown){ 0 };
	TRY(change_begin(&c, false));
	const struct keyring_entry *e = change_find(&c, kid);
	if (e == NULL)
		return change_not_here(&c, kid);
	did->no_mark =
		key_mark_put(&c.folders, kid, KEY_END_STOLEN, why) != MM_OK;
	if (e->state == KEY_ACTIVE && change_count(&c, KEY_ACTIVE) == 1)
		TRY(change_promote(&c));
	if (!others_wait(&c, kid) && !change_signs_in_token(&c))
		did->no_next = change_add_key(&c, KEY_NEXT) != MM_OK;
	TRY(change_remove_key(&c, change_find(&c, kid))); /* entries move */
	if (did->no_mark)
		did->no_mark = key_mark_put(&c.folders, kid, KEY_END_STOLEN,
					    why) != MM_OK;
	return MM_OK;
}
