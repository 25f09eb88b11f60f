/* signing.c - keys in force: loaded, announced, swapped in whole. */
#include "issuer/signing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/announce.h"
#include "issuer/explain.h"
#include "issuer/missing.h"
#include "issuer/read_keys.h"

/* Between two tries of our own; each that fails doubles it, up to the most. */
#define FINISH_MS      5000
#define FINISH_MOST_MS 60000

struct signing {
	char dir[4096];
	struct keyring_at at; /* dir, and the caller's */
	struct store *store;
	void (*tell)(void *ctx); /* NULL: nobody follows yet */
	void *tell_ctx;
	pthread_mutex_t reloading; /* one at a time; guards what follows: */
	struct accused accused;	   /* of them something is to be done yet */
	struct missing said;	   /* those that the log has */
	bool left;		   /* something else waits for a later reload */
	struct why stays;	   /* what is to be thrown out; "": nothing */
	struct why failed;	   /* the last reload; "": it has not */
	int64_t try_at, pause;	   /* when we try to finish; clock_ms() */
	pthread_mutex_t lock;	   /* guards ring and announced */
	struct keyring ring;
	uint64_t announced[KEYRING_MAX]; /* beside ring.at: event numbers */
	atomic_bool behind;		 /* the last reload failed */
	atomic_bool urgent;		 /* and a stolen key is not done with */
};

/* ---- what is gone ---- */

/* Only now that it signs nothing more may a key be said to be gone. */
static enum mm_err announce_gone(struct signing *s, struct missing *missing,
				 const struct stamp *stamp, struct why *why)
{
	enum mm_err e =
		missing_announce(missing, s->store, s->dir, stamp, &s->said);
	if (e != MM_OK)
		return why_say(why, e, NULL,
			       "mintmarkd signs with the keys as they are now, "
			       "but could not announce those that are gone (do "
			       "the same again): %s",
			       mm_err_word(e));
	missing_unmark(missing, s->at, &s->ring);
	s->accused.n = 0;
	return MM_OK;
}

/* ---- what is said ---- */

static bool is_same(const struct keyring *a, const struct keyring *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < b->count; i++) {
		const struct keyring_entry *e =
			keyring_find(a, jwk_kid(b->at[i].key));
		same = e != NULL && e->state == b->at[i].state;
	}
	return same;
}

static void say_loaded(const struct signing *s)
{
	log_event(LOG_INFO, "keys.loaded", "count=%zu signing=%s",
		  s->ring.count, jwk_kid(keyring_signer(&s->ring)));
	read_keys_warn(s->dir, &s->ring);
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

/* What a reload works on; all but the ring is the caller's. */
struct reloading {
	struct keyring ring;	/* empty, and then the one before */
	struct missing missing; /* from it */
	const struct told *told;
	const struct stamp *stamp;
	bool asked; /* else it is we who try again */
};

/* What was said of a key is kept, whatever else fails. */
static enum mm_err read_folders(struct signing *s, struct reloading *r,
				struct why *why)
{
	struct why stays = { .text = "" };
	enum mm_err e = read_keys(s->at, &r->ring, &stays, why);
	enum mm_err said = accused_hear(&s->accused, s->at, &r->ring, r->told,
					e == MM_OK ? why : NULL);
	if (strcmp(stays.text, s->stays.text) != 0 && stays.text[0] != '\0')
		log_event(LOG_ERR, "keys.stolen_stays", "detail=%s",
			  stays.text);
	if (e == MM_OK)
		s->stays = stays;
	return e != MM_OK ? e : said;
}

static enum mm_err look_for_missing(struct signing *s, struct reloading *r,
				    struct why *why)
{
	const struct missing_from from = {
		s->at, &r->ring, s->store, &s->ring, &s->accused, r->stamp->at
	};
	TRY(missing_find(&from, &r->missing, why));
	missing_forget(&r->missing, &s->ring, &s->accused);
	return missing_check(&r->missing, &from, why);
}

static enum mm_err say_signs(struct signing *s, const struct reloading *r,
			     const struct jwk *signer)
{
	enum mm_err e = store_key_signs(s->store, jwk_kid(signer), r->stamp);
	if (e == MM_OK || !r->missing.stolen)
		return e;
	s->left = true;
	return MM_OK;
}

static enum mm_err take_in(struct signing *s, struct reloading *r,
			   struct why *why)
{
	uint64_t numbers[KEYRING_MAX] = { 0 };
	TRY(read_folders(s, r, why));
	TRY(look_for_missing(s, r, why));
	const struct jwk *signer = keyring_signer(&r->ring);
	if (signer == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "no key in %s/active can sign: run mintmark "
			       "key rotate",
			       s->dir);
	TRY(announce_ring(s->store, &r->ring, &r->missing, r->stamp, &s->left,
			  why));
	if (s->tell != NULL && keyring_find(&s->ring, jwk_kid(signer)) == NULL)
		s->tell(s->tell_ctx);
	TRY(announce_numbers(s->store, &r->ring, numbers));
	TRY(say_signs(s, r, signer));
	put_in_force(s, &r->ring, numbers);
	if (r->asked || !is_same(&s->ring, &r->ring))
		say_loaded(s);
	return MM_OK;
}

/* ---- reloading ---- */

static enum mm_err reload(struct signing *s, struct reloading *r,
			  struct why *why)
{
	struct why said = { .text = "" };
	enum mm_err e = take_in(s, r, &said);
	if (e == MM_OK)
		return announce_gone(s, &r->missing, r->stamp, why);
	if (said.text[0] == '\0')
		(void)why_say(&said, e, NULL, "%s",
			      mm_err_http(e) < 500 ? mm_err_word(e)
						   : explain(s->store, e));
	if (e == MM_ERR_NOT_FOUND && s->ring.count != 0)
		e = MM_ERR_CONFLICT; /* that word is kept for a kid */
	return why_say(why, e, said.field[0] ? said.field : NULL, "%s%s",
		       s->ring.count == 0 ? "" /* a start */
					  : "mintmarkd goes on with the keys "
					    "that it had: ",
		       said.text);
}

/* s->reloading is held. */
static enum mm_err reload_locked(struct signing *s, struct reloading *r,
				 struct why *why)
{
	enum mm_err e = reload(s, r, why);
	bool waits = s->left || s->stays.text[0] != '\0';
	keyring_free(&r->ring);
	atomic_store(&s->behind, e != MM_OK || waits);
	atomic_store(&s->urgent, waits || s->accused.n != 0);
	s->failed = e != MM_OK ? *why : (struct why){ .text = "" };
	return e;
}

static void next_try(struct signing *s, int64_t pause)
{
	s->pause = pause < FINISH_MOST_MS ? pause : FINISH_MOST_MS;
	s->try_at = clock_ms() + s->pause;
}

void signing_tell_with(struct signing *s, void (*tell)(void *), void *ctx)
{
	pthread_mutex_lock(&s->reloading);
	s->tell = tell;
	s->tell_ctx = ctx;
	pthread_mutex_unlock(&s->reloading);
}

enum mm_err signing_reload(struct signing *s, const char *const *compromised,
			   size_t n, const struct stamp *stamp, struct why *why)
{
	const struct told told = { compromised, n };
	struct reloading r = { .told = &told, .stamp = stamp, .asked = true };
	TRY(told_check(&told, why));
	pthread_mutex_lock(&s->reloading);
	enum mm_err e = reload_locked(s, &r, why);
	next_try(s, FINISH_MS);
	pthread_mutex_unlock(&s->reloading);
	return e == MM_OK ? missing_check_told(&told, s->store, why) : e;
}

static void log_failed(const struct why *why)
{
	log_event(LOG_ERR, "keys.reload_failed", "detail=%s", why->text);
}

void signing_reload_or_log(struct signing *s, const struct stamp *stamp)
{
	struct why why = { .text = "" };
	if (signing_reload(s, NULL, 0, stamp, &why) != MM_OK)
		log_failed(&why);
}

/* How many tokens of a lost key live is no news. */
static bool says_the_same(const char *a, const char *b)
{
	static const char digits[] = "0123456789";
	for (;; a++, b++) {
		a += strspn(a, digits);
		b += strspn(b, digits);
		if (*a != *b || *a == '\0')
			return *a == *b;
	}
}

/* How long is it to the next try?  A key whose file stays is thrown out also
 * where the store is full. */
static int64_t try_to_finish(struct signing *s)
{
	static const struct told nothing = { NULL, 0 };
	const struct stamp stamp = { .by = "mintmarkd", .at = clock_now() };
	struct reloading r = { .told = &nothing, .stamp = &stamp };
	const struct why before = s->failed;
	struct why why = { .text = "" };
	if (s->stays.text[0] == '\0' && store_probe(s->store) != MM_OK)
		return FINISH_MS;
	if (reload_locked(s, &r, &why) == MM_OK)
		return FINISH_MS;
	if (!says_the_same(why.text, before.text))
		log_failed(&why);
	return s->pause * 2;
}

/* What a stolen key still signs, or is accepted for, waits for nobody. */
void signing_finish(struct signing *s)
{
	if (!atomic_load(&s->urgent))
		return;
	pthread_mutex_lock(&s->reloading);
	if (clock_ms() >= s->try_at)
		next_try(s, try_to_finish(s));
	pthread_mutex_unlock(&s->reloading);
}

/* ---- asking ---- */

struct keyring_at signing_keyring(const struct signing *s)
{
	return s->at;
}

void signing_look_again(struct signing *s, const struct stamp *stamp)
{
	AUTO_RING struct keyring ring = { .count = 0 };
	pthread_mutex_lock(&s->reloading);
	bool same = keyring_load(s->at, &ring, NULL) == MM_OK &&
		    is_same(&s->ring, &ring);
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
