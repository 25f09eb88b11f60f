/* rotation.c - which step of a rotation is next. */
#include "keys/rotation.h"

#include "common/duration.h"

enum jwk_alg rotation_alg(const struct keyring *ring)
{
	const struct jwk *k = keyring_successor(ring);
	if (k == NULL)
		k = keyring_signer(ring);
	return k ? jwk_alg(k) : JWK_ES256;
}

/* The mint signs with another key still. */
static bool is_untold(const struct keyring *ring, const struct mint_knows *mint)
{
	const struct jwk *k = keyring_signer(ring);
	return mint != NULL && k != NULL && !mint->signs(mint->ctx, jwk_kid(k));
}

/* Has it its next key, or does it sign in a token, which gets none from us? */
static bool is_complete(const struct keyring *ring)
{
	size_t active = 0, in_token = 0;
	for (size_t i = 0; i < ring->count; i++) {
		const struct keyring_entry *e = &ring->at[i];
		active += e->state == KEY_ACTIVE;
		in_token += e->state == KEY_ACTIVE && e->kept == KEY_IN_TOKEN;
	}
	return keyring_successor(ring) != NULL ||
	       (active == 1 && in_token == 1);
}

static bool is_announced(const struct keyring *ring,
			 const struct mint_knows *mint)
{
	const struct jwk *next = keyring_successor(ring);
	return mint == NULL || next == NULL ||
	       mint->announced(mint->ctx, jwk_kid(next));
}

enum rotation_step rotation_next(const struct keyring *ring,
				 const struct mint_knows *mint, bool *untold)
{
	*untold = is_untold(ring, mint);
	if (*untold && is_complete(ring))
		return ROTATION_TELL;
	return is_announced(ring, mint) ? ROTATION_DO : ROTATION_ANNOUNCE;
}

enum mm_err rotation_check_former(const struct keyring *ring,
				  const struct mint_knows *mint,
				  struct why *why)
{
	for (size_t i = 0; mint != NULL && i < ring->count; i++) {
		const char *kid = jwk_kid(ring->at[i].key);
		if (mint->former(mint->ctx, kid))
			return why_say(why, MM_ERR_CONFLICT, NULL,
				       "key %s was retired or compromised "
				       "before, and never returns: remove its "
				       "file from %s/",
				       kid, key_state_name(ring->at[i].state));
	}
	return MM_OK;
}

enum mm_err rotation_check_age(const struct keyring *ring,
			       const struct mint_knows *mint, int64_t now,
			       struct why *why)
{
	char after[32];
	const struct jwk *next = keyring_successor(ring);
	if (next == NULL)
		return MM_OK;
	const char *kid = jwk_kid(next);
	int64_t since = mint ? mint->announced_at(mint->ctx, kid)
			     : keyring_find(ring, kid)->created;
	if (now >= since + KEYRING_KNOWN_SECONDS)
		return MM_OK;
	date_write(after, since + KEYRING_KNOWN_SECONDS);
	return why_say(why, MM_ERR_CONFLICT, NULL,
		       "the key %s is too young to sign: who verifies by the "
		       "JWKS may not know it yet. Rotate after %s, or, where "
		       "nobody does, with --now (\"now\":true)",
		       kid, after);
}

enum mm_err rotation_too_early(const struct keyring *ring, struct why *why)
{
	return why_say(why, MM_ERR_CONFLICT, NULL,
		       "the key %s was not announced until now, so it cannot "
		       "sign yet: rotate again in some minutes",
		       jwk_kid(keyring_successor(ring)));
}

enum mm_err rotation_unfinished(enum mm_err e,
				const struct keyring_rotation *did,
				const struct why *said, struct why *why)
{
	if (e == MM_OK)
		return MM_OK;
	if (!did->took_over)
		return why_say(why, e, NULL, "%s", said->text);
	return why_say(why, e, NULL,
		       "the key %s took over in the folders; when this is "
		       "mended, rotate again, which does no more than the "
		       "rest: %s",
		       did->active, said->text);
}
