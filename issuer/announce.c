/* announce.c - the keys of a ring, announced. */
#include "issuer/announce.h"

#include "common/log.h"

static enum mm_err announce_key(struct store *store,
				const struct keyring_entry *entry,
				const struct stamp *stamp, struct why *why)
{
	const struct jwk *key = entry->key;
	AUTO_BUF struct buf json = buf_new(JWK_TEXT_MAX);
	struct span text;
	const char *kid = jwk_kid(key);
	TRY(jwk_to_json(key, &json));
	TRY(buf_done(&json, &text));
	enum mm_err e = store_key_add(store, kid, (const char *)text.at, stamp);
	if (e == MM_ERR_CONFLICT)
		return why_say(why, e, NULL,
			       "key %s was retired or compromised before: "
			       "remove its file, keys/%s/%s.* in the folder of "
			       "--data",
			       kid, key_state_name(entry->state), kid);
	if (e == MM_ERR_TOO_LARGE)
		return why_say(why, e, NULL,
			       "key %s cannot be announced: %d keys are "
			       "published. End those that nobody needs "
			       "(mintmark key retire)",
			       kid, STORE_KEYS_MAX);
	return e == MM_OK ? MM_OK
			  : why_say(why, e, NULL, "cannot announce key %s: %s",
				    kid, mm_err_word(e));
}

/* The signer, and what tokens live by, cannot be done without.  What ends
 * makes room for a next key. */
static bool may_be_left(const struct keyring *r, const struct keyring_entry *e,
			const struct missing *missing, enum mm_err err)
{
	if (!missing->stolen)
		return e->state == KEY_NEXT && err == MM_ERR_TOO_LARGE &&
		       missing_ends(missing);
	return e->state == KEY_NEXT ||
	       (err == MM_ERR_CONFLICT && e->key != keyring_signer(r));
}

enum mm_err announce_ring(struct store *store, struct keyring *r,
			  const struct missing *missing,
			  const struct stamp *stamp, bool *left,
			  struct why *why)
{
	*left = false;
	for (size_t i = 0; i < r->count;) {
		const struct keyring_entry *e = &r->at[i];
		enum mm_err err = announce_key(store, e, stamp, why);
		if (err == MM_OK) {
			i++;
			continue;
		}
		if (!may_be_left(r, e, missing, err))
			return err;
		log_event(LOG_ERR, "keys.left", "detail=%s", why->text);
		why->text[0] = '\0';
		keyring_leave(r, i);
		*left = true;
	}
	return MM_OK;
}

enum mm_err announce_numbers(struct store *store, const struct keyring *r,
			     uint64_t numbers[KEYRING_MAX])
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	TRY(store_keys(store, 0, rows, &count));
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < count; k++)
			if (!strcmp(rows[k].kid, jwk_kid(r->at[i].key)))
				numbers[i] = rows[k].announced_seq;
	return MM_OK;
}
