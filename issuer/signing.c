/* signing.c - keys in force: loaded, announced, swapped in whole. */
#include "issuer/signing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/missing.h"
#include "issuer/read_keys.h"

struct signing {
	char dir[4096];
	struct keyring_at at; /* dir, and the caller's */
	struct store *store;
	void (*tell)(void *ctx); /* NULL: nobody follows yet */
	void *tell_ctx;
	pthread_mutex_t reloading; /* one reload at a time */
	struct missing missing;	   /* guarded by it: not announced yet, */
	bool left;		   /* and something besides that waits, */
	bool stays;		   /* and what is to be thrown out */
	pthread_mutex_t lock;	   /* guards ring and announced */
	struct keyring ring;
	uint64_t announced[KEYRING_MAX]; /* beside ring.at: event numbers */
	atomic_bool behind;		 /* the last reload failed */
	atomic_bool urgent;		 /* and a stolen key is not done with */
};

/* ---- announcing ---- */

static enum mm_err announce_key(struct store *store, const struct jwk *key,
				const struct stamp *stamp, struct why *why)
{
	AUTO_BUF struct buf json = buf_new(JWK_TEXT_MAX);
	struct span text;
	const char *kid = jwk_kid(key);
	TRY(jwk_to_json(key, &json));
	TRY(buf_done(&json, &text));
	enum mm_err e = store_key_add(store, kid, (const char *)text.at, stamp);
	if (e == MM_ERR_CONFLICT)
		return why_say(why, e, NULL,
			       "key %s was retired or compromised before: "
			       "remove its file",
			       kid);
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

/* A stolen key does not stay in for what can wait: a next key that there is no
 * room to announce is not in force yet. */
static enum mm_err announce_new(struct signing *s, struct keyring *r,
				const struct stamp *stamp, struct why *why)
{
	bool left = false, stolen = missing_stolen(&s->missing);
	for (size_t i = 0; i < r->count;) {
		const struct keyring_entry *e = &r->at[i];
		enum mm_err err = announce_key(s->store, e->key, stamp, why);
		bool waits = stolen && e->state == KEY_NEXT;
		if (err != MM_OK && (!waits || err == MM_ERR_CONFLICT))
			return err;
		if (err == MM_OK) {
			i++;
			continue;
		}
		log_event(LOG_ERR, "keys.left", "detail=%s", why->text);
		why->text[0] = '\0';
		keyring_leave(r, i);
		left = true;
	}
	s->left = left;
	return MM_OK;
}

static enum mm_err say_signs(struct signing *s, const struct jwk *signer,
			     const struct stamp *stamp)
{
	enum mm_err e = store_key_signs(s->store, jwk_kid(signer), stamp);
	if (e == MM_OK || !missing_stolen(&s->missing))
		return e;
	s->left = true;
	return MM_OK;
}

/* It is all in the log now.  A mark that stays says the same once more; one
 * of a key that was not announced may have been made since we looked. */
static void forget_marks(const struct signing *s)
{
	struct why why = { .text = "" };
	struct key_names unsaid = { .n = 0 };
	for (size_t i = 0; i < s->missing.count; i++)
		if (!missing_ended(&s->missing.at[i]))
			unsaid.at[unsaid.n++] = s->missing.at[i].kid;
	enum mm_err e = keyring_unmark_kept(s->at, &s->ring, &why);
	if (e == MM_OK)
		e = keyring_unmark(s->at, &s->ring, &unsaid, &why);
	if (e != MM_OK)
		log_event(LOG_WARNING, "keys.mark_stays", "detail=%s",
			  why.text);
}

static enum mm_err read_numbers(struct store *store, const struct keyring *r,
				uint64_t *announced)
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	TRY(store_keys(store, 0, rows, &count));
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < count; k++)
			if (!strcmp(rows[k].kid, jwk_kid(r->at[i].key)))
				announced[i] = rows[k].announced_seq;
	return MM_OK;
}

/* ---- in force ---- */

static void put_in_force(struct signing *s, struct keyring *ring,
			 const uint64_t *announced)
{
	pthread_mutex_lock(&s->lock);
	struct keyring old = s->ring;
	s->ring = *ring;
	memcpy(s->announced, announced, sizeof s->announced);
	pthread_mutex_unlock(&s->lock);
	*ring = old;
}

static enum mm_err check_stolen(const struct stolen *told,
				const struct keyring *ring, struct why *why)
{
	for (size_t i = 0; i < told->n; i++)
		if (keyring_find(ring, told->kids[i]) != NULL)
			return why_say(why, MM_ERR_INVALID, "compromised",
				       "key %s is still in the keyring: "
				       "mintmark key compromise takes it "
				       "out first",
				       told->kids[i]);
	return MM_OK;
}

static enum mm_err look_for_missing(struct signing *s,
				    const struct keyring *ring,
				    const struct stolen *told, int64_t now,
				    struct why *why)
{
	const struct missing_from from = { s->at,    ring, s->store,
					   &s->ring, told, now };
	TRY(missing_find(&from, &s->missing, why));
	return missing_check(&s->missing, &from, why);
}

/* `ring` is empty, and then the one that was in force before. */
static enum mm_err take_in(struct signing *s, struct keyring *ring,
			   const struct stolen *told, const struct stamp *stamp,
			   struct why *why)
{
	uint64_t announced[KEYRING_MAX] = { 0 };
	TRY(read_keys(s->at, ring, &s->stays, why));
	TRY(look_for_missing(s, ring, told, stamp->at, why));
	const struct jwk *signer = keyring_signer(ring);
	if (signer == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "no key in %s/active can sign: run mintmark "
			       "key rotate",
			       s->dir);
	TRY(check_stolen(told, ring, why));
	TRY(announce_new(s, ring, stamp, why));
	if (s->tell != NULL && keyring_find(&s->ring, jwk_kid(signer)) == NULL)
		s->tell(s->tell_ctx);
	TRY(read_numbers(s->store, ring, announced));
	TRY(say_signs(s, signer, stamp));
	put_in_force(s, ring, announced);
	log_event(LOG_INFO, "keys.loaded", "count=%zu signing=%s",
		  s->ring.count, jwk_kid(signer));
	return MM_OK;
}

/* Which keys are in force when it has failed. */
static enum mm_err say(struct why *why, enum mm_err e, const char *in_force,
		       const struct why *said)
{
	return why_say(why, e, said->field[0] ? said->field : NULL, "%s%s",
		       in_force, said->text[0] ? said->text : mm_err_word(e));
}

static enum mm_err reload(struct signing *s, const struct stolen *told,
			  const struct stamp *stamp, struct why *why)
{
	AUTO_RING struct keyring ring = { .count = 0 };
	struct why said = { .text = "" };
	enum mm_err e = take_in(s, &ring, told, stamp, &said);
	if (e != MM_OK)
		return say(why, e,
			   s->ring.count == 0 ? "" /* a start */
					      : "mintmarkd goes on with the "
						"keys that it had: ",
			   &said);
	/* Only now that it signs nothing more may a key be said to be gone. */
	e = missing_announce(&s->missing, s->store, s->dir, stamp);
	if (e != MM_OK)
		return say(why, e,
			   "mintmarkd signs with the keys as they are now, but "
			   "could not announce those that are gone (do the "
			   "same again): ",
			   &said);
	forget_marks(s);
	s->missing.count = 0;
	return MM_OK;
}

void signing_tell_with(struct signing *s, void (*tell)(void *), void *ctx)
{
	s->tell = tell;
	s->tell_ctx = ctx;
}

enum mm_err signing_reload(struct signing *s, const char *const *compromised,
			   size_t n, const struct stamp *stamp, struct why *why)
{
	const struct stolen told = { compromised, n };
	pthread_mutex_lock(&s->reloading);
	enum mm_err e = reload(s, &told, stamp, why);
	atomic_store(&s->behind, e != MM_OK || s->left || s->stays);
	atomic_store(&s->urgent, s->left || missing_stolen(&s->missing));
	pthread_mutex_unlock(&s->reloading);
	return e;
}

void signing_reload_or_log(struct signing *s, const struct stamp *stamp)
{
	struct why why = { .text = "" };
	enum mm_err e = signing_reload(s, NULL, 0, stamp, &why);
	if (e != MM_OK)
		log_event(LOG_ERR, "keys.reload_failed", "detail=%s", why.text);
}

/* What a stolen key still signs, or is accepted for, waits for nobody. */
void signing_finish(struct signing *s)
{
	const struct stamp stamp = { .by = "mintmarkd", .at = clock_now() };
	if (atomic_load(&s->urgent) && store_probe(s->store) == MM_OK)
		signing_reload_or_log(s, &stamp);
}

struct keyring_at signing_keyring(const struct signing *s)
{
	return s->at;
}

static bool is_in_force(const struct signing *s, const struct keyring *ring)
{
	bool same = ring->count == s->ring.count;
	for (size_t i = 0; same && i < ring->count; i++) {
		const struct keyring_entry *e =
			keyring_find(&s->ring, jwk_kid(ring->at[i].key));
		same = e != NULL && e->state == ring->at[i].state;
	}
	return same;
}

void signing_look_again(struct signing *s, const struct stamp *stamp)
{
	AUTO_RING struct keyring ring = { .count = 0 };
	pthread_mutex_lock(&s->reloading);
	bool same = keyring_load(s->at, &ring, NULL) == MM_OK &&
		    is_in_force(s, &ring);
	pthread_mutex_unlock(&s->reloading);
	if (!same)
		signing_reload_or_log(s, stamp);
}

static struct jwk *signer_locked(struct signing *s)
{
	return keyring_signer(&s->ring);
}

struct jwk *signing_key(struct signing *s)
{
	pthread_mutex_lock(&s->lock);
	struct jwk *k = jwk_hold(signer_locked(s));
	pthread_mutex_unlock(&s->lock);
	return k;
}

struct jwk *signing_key_named(struct signing *s, const char *kid)
{
	struct jwk *found = NULL;
	pthread_mutex_lock(&s->lock);
	const struct keyring_entry *e = keyring_find(&s->ring, kid);
	if (e != NULL && e->state != KEY_NEXT)
		found = jwk_hold(e->key);
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* The signer if it was known by then, else the latest announced that was;
 * if none was (a store older than its keys), the signer again. */
static struct jwk *known_at_locked(struct signing *s, uint64_t after)
{
	struct jwk *signer = signer_locked(s), *best = NULL;
	uint64_t best_seq = 0;
	for (size_t i = 0; i < s->ring.count; i++) {
		const struct keyring_entry *e = &s->ring.at[i];
		if (s->announced[i] > after || e->state == KEY_NEXT)
			continue;
		if (e->key == signer)
			return signer;
		if (s->announced[i] >= best_seq) {
			best = e->key;
			best_seq = s->announced[i];
		}
	}
	return best ? best : signer;
}

struct jwk *signing_key_known_at(struct signing *s, uint64_t after)
{
	pthread_mutex_lock(&s->lock);
	struct jwk *k = jwk_hold(known_at_locked(s, after));
	pthread_mutex_unlock(&s->lock);
	return k;
}

void signing_each(struct signing *s,
		  void (*each)(void *, const struct keyring_entry *), void *ctx)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->ring.count; i++)
		each(ctx, &s->ring.at[i]);
	pthread_mutex_unlock(&s->lock);
}

bool signing_behind(struct signing *s)
{
	return atomic_load(&s->behind);
}

/* ---- life ---- */

enum mm_err signing_open(struct keyring_at at, struct store *store,
			 struct signing **out, struct why *why)
{
	struct signing *s = calloc(1, sizeof *s);
	if (s == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	snprintf(s->dir, sizeof s->dir, "%s", at.dir);
	s->at = (struct keyring_at){ s->dir, at.passphrase_file };
	s->store = store;
	pthread_mutex_init(&s->reloading, NULL);
	pthread_mutex_init(&s->lock, NULL);
	const struct stamp start = { .by = "mintmarkd", .at = clock_now() };
	enum mm_err e = signing_reload(s, NULL, 0, &start, why);
	if (e != MM_OK) {
		signing_close(s);
		return e;
	}
	*out = s;
	return MM_OK;
}

void signing_close(struct signing *s)
{
	if (s == NULL)
		return;
	keyring_free(&s->ring);
	free(s);
}
