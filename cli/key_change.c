/* key_change.c - mintmark key generate, rotate, retire.
 *
 * The files change first, then the mint is told: a crash in between is
 * mended by its next start, or by the same command again.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/key.h"
#include "cli/output.h"
#include "common/clock.h"
#include "keys/rotation.h"

static enum mm_err read_alg(const char *name, enum jwk_alg *out,
			    struct why *why)
{
	static const struct {
		const char *name;
		enum jwk_alg alg;
	} algs[] = { { "ES256", JWK_ES256 },
		     { "EdDSA", JWK_EDDSA },
		     { "RS256", JWK_RS256 } };
	*out = JWK_ES256;
	if (name == NULL)
		return MM_OK;
	for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++)
		if (strcmp(algs[i].name, name) == 0) {
			*out = algs[i].alg;
			return MM_OK;
		}
	return why_say(why, MM_ERR_INVALID, NULL,
		       "--alg is one of ES256, EdDSA, RS256");
}

static enum mm_err generate_offline(struct key_place *p, const char *away,
				    enum jwk_alg alg, struct why *why)
{
	char kid[KID_SIZE];
	TRY(key_refusal(keyring_generate_offline(p->dir, alg, away, kid, why)));
	printf("Made the key %s; its private half is %s/%s.pem and nowhere "
	       "else.\n",
	       kid, away, kid);
	TRY(key_reload(p, why));
	printf("Next: take that file away from this host, where you find it "
	       "again. When the keys\nhere have been stolen, put it into "
	       "%s/next/ and run mintmark key compromise.\n",
	       p->keys);
	return MM_OK;
}

enum mm_err key_generate(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	enum jwk_alg alg;
	char kid[KID_SIZE];
	TRY(read_alg(a->alg, &alg, why));
	TRY(key_place_open(&p, a, why));
	if (a->offline != NULL)
		return generate_offline(&p, a->offline, alg, why);
	TRY(key_check_readable(&p, why));
	TRY(key_refusal(keyring_generate(p.dir, alg, kid, why)));
	printf("Made the key %s.\n", kid);
	TRY(key_reload(&p, why));
	puts("It signs when its turn comes: mintmark key rotate (the first "
	     "key of all signs at once).");
	return MM_OK;
}

/* ---- rotate ---- */

/* The mint may not have read the folders since: then it signs with it. */
static bool still_signs(const struct key_place *p, const char *kid)
{
	return strcmp(json_text(key_known(p, kid), "state", ""), "active") == 0;
}

static bool mint_signs(void *place, const char *kid)
{
	return still_signs(place, kid);
}

static bool mint_announced(void *place, const char *kid)
{
	const json_t *known = key_known(place, kid);
	return json_integer_value(json_object_get(known, "announced_seq")) > 0;
}

static int64_t mint_announced_at(void *place, const char *kid)
{
	return json_time(key_known(place, kid), "announced_at");
}

static bool was_before(void *place, const char *kid)
{
	return key_former(place, kid);
}

static void put_rotation(const struct keyring_rotation *did)
{
	if (did->only_prepared) {
		printf("Made the key %s; %s still signs: the new one must be "
		       "known everywhere first.\n"
		       "Next: run mintmark key rotate once more, in some "
		       "minutes or at the next date.\n",
		       did->next, did->active);
		return;
	}
	if (did->next[0] != '\0')
		printf("The key %s signs now, %s is next.\n", did->active,
		       did->next);
	else
		printf("The key %s signs now, in its token. Next: make "
		       "another there, and mintmark key import it.\n",
		       did->active);
	if (did->retiring[0] != '\0')
		printf("%s no longer signs; its tokens stay good.\n"
		       "Next: mintmark key retire, when nothing needs it any "
		       "more.\n",
		       did->retiring);
}

enum mm_err key_rotate(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	AUTO_RING struct keyring ring = { .count = 0 };
	struct keyring_rotation did;
	struct why said = { .text = "" };
	bool untold;
	TRY(key_place_open(&p, a, why));
	TRY(key_place_load(&p, &ring, why));
	const struct mint_knows knows = { mint_signs, mint_announced,
					  mint_announced_at, was_before, &p };
	const struct mint_knows *mint = p.running ? &knows : NULL;
	TRY(rotation_check_former(&ring, mint, why));
	switch (rotation_next(&ring, mint, &untold)) {
	case ROTATION_TELL:
		printf("The key %s signs now: an earlier run was cut off "
		       "before mintmarkd knew.\n",
		       jwk_kid(keyring_signer(&ring)));
		return key_reload(&p, why);
	case ROTATION_ANNOUNCE:
		TRY(key_reload(&p, why));
		return rotation_too_early(&ring, why);
	case ROTATION_DO:
		break;
	}
	TRY(key_check_readable(&p, why));
	if (!a->now)
		TRY(rotation_check_age(&ring, mint, clock_now(), why));
	enum mm_err e = key_refusal(
		keyring_rotate(p.dir, rotation_alg(&ring), &did, &said));
	if (e == MM_OK) {
		did.only_prepared &= !untold;
		put_rotation(&did);
		e = key_reload(&p, &said);
	}
	return rotation_unfinished(e, &did, &said, why);
}

/* ---- retire ---- */

static long long live_tokens(const struct key_place *p, const char *kid)
{
	return json_integer_value(
		json_object_get(key_known(p, kid), "live_tokens"));
}

static enum mm_err retire_one(struct key_place *p, const struct keyring *ring,
			      const char *kid, struct why *why)
{
	TRY(key_refusal(keyring_retire(p->dir, kid, why)));
	printf("Retired the key %s: what it signed is refused from now on.\n",
	       kid);
	key_say_left(p, ring, kid);
	return MM_OK;
}

/* By a run that was cut off, by a disk or a restore. */
static bool is_lost(const struct key_place *p, const struct keyring *ring,
		    const char *kid)
{
	return keyring_find(ring, kid) == NULL &&
	       (!p->running || key_published(p, kid));
}

static enum mm_err retire_lost(const struct key_place *p, const char *kid,
			       struct why *why)
{
	TRY(key_refusal(keyring_mark(p->dir, kid, KEY_END_RETIRED, why)));
	printf("The key %s is not in %s any more, and is taken for retired: "
	       "what it signed is refused from now on.\n",
	       kid, p->keys);
	return MM_OK;
}

static enum mm_err check_known(const struct key_place *p, const struct args *a,
			       struct why *why)
{
	if (a->force && a->operand_count == 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--force is for one key: say its KID");
	if (a->force || p->running)
		return MM_OK;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "no mintmarkd runs at %s, so nobody knows which tokens "
		       "still live: start it, or insist with --force",
		       p->data);
}

static bool is_retiring(const struct keyring *ring, const char *kid)
{
	const struct keyring_entry *e = keyring_find(ring, kid);
	return e != NULL && e->state == KEY_RETIRING;
}

/* Of tokens, and of what was signed for a short time: access tokens, and
 * lists that somebody keeps. */
static bool is_needed(const struct key_place *p, const char *kid)
{
	return json_time(key_known(p, kid), "needed_until") > clock_now();
}

static enum mm_err check_unneeded(const struct key_place *p, const char *kid,
				  struct why *why)
{
	long long live = live_tokens(p, kid);
	if (live > 0)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "%lld token%s signed by %s still live%s and "
			       "would be refused: wait (mintmark key list says "
			       "how long), or insist with --force",
			       live, live == 1 ? "" : "s", kid,
			       live == 1 ? "s" : "");
	if (still_signs(p, kid))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "mintmarkd still signs with %s: let it read the "
			       "keys first (SIGHUP, or mintmark key rotate)",
			       kid);
	if (is_needed(p, kid))
		return why_say(
			why, MM_ERR_CONFLICT, NULL,
			"access tokens that %s signed may live until %s, and "
			"would be refused: wait, or insist with --force",
			kid, json_text(key_known(p, kid), "needed_until", "-"));
	return MM_OK;
}

/* What is no retiring key is refused by the keyring, in its words. */
static enum mm_err retire_named(struct key_place *p, const struct keyring *ring,
				const struct args *a, struct why *why)
{
	const char *kid = a->operand[0];
	if (a->force && is_lost(p, ring, kid))
		return retire_lost(p, kid, why);
	if (!a->force && is_retiring(ring, kid))
		TRY(check_unneeded(p, kid, why));
	return retire_one(p, ring, kid, why);
}

static bool is_spent(const struct key_place *p, const struct keyring_entry *e)
{
	const char *kid = jwk_kid(e->key);
	const json_t *until =
		json_object_get(key_known(p, kid), "needed_until");
	return e->state == KEY_RETIRING && until != NULL &&
	       !still_signs(p, kid) && !is_needed(p, kid);
}

/* Of the retiring keys, the one whose turn is next. */
static void say_when(const struct key_place *p, const struct keyring *ring)
{
	const json_t *first = NULL;
	for (size_t i = 0; i < ring->count; i++) {
		const struct keyring_entry *e = &ring->at[i];
		const json_t *known = key_known(p, jwk_kid(e->key));
		if (e->state != KEY_RETIRING || known == NULL || is_spent(p, e))
			continue;
		if (first == NULL || json_time(known, "needed_until") <
					     json_time(first, "needed_until"))
			first = known;
	}
	if (first == NULL)
		return;
	fputs("Next: ", stdout);
	put_text(stdout, json_text(first, "kid", "-"));
	fputs(", which is needed until ", stdout);
	put_text(stdout, json_text(first, "needed_until", "-"));
	puts(".");
}

static enum mm_err retire_spent(struct key_place *p, const struct keyring *ring,
				struct why *why)
{
	size_t done = 0;
	for (size_t i = 0; i < ring->count; i++) {
		if (!is_spent(p, &ring->at[i]))
			continue;
		TRY(retire_one(p, ring, jwk_kid(ring->at[i].key), why));
		done++;
	}
	if (done == 0)
		puts("Nothing to retire yet.");
	say_when(p, ring);
	return MM_OK;
}

enum mm_err key_retire(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	AUTO_RING struct keyring ring = { .count = 0 };
	TRY(key_place_open(&p, a, why));
	TRY(key_place_load(&p, &ring, why));
	TRY(check_known(&p, a, why));
	if (a->operand_count != 0)
		TRY(retire_named(&p, &ring, a, why));
	else
		TRY(retire_spent(&p, &ring, why));
	return key_reload(&p, why);
}
