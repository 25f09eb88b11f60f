/* missing.c - which keys are missing, and what became of each. */
#include "issuer/missing.h"

#include "common/clock.h"
#include "common/log.h"

/* ---- finding ---- */

/* Of a store that others share only what we had can be lost: they may have been
 * given a key that we have not yet.  (What a command has ended goes, whoever
 * has it.) */
static bool is_ours(const struct missing_from *from, const char *kid)
{
	return !store_is_shared(from->store) ||
	       keyring_find(from->before, kid) != NULL;
}

static enum mm_err find_fate(const struct missing_from *from,
			     struct missing_key *key, struct why *why)
{
	enum key_end end = KEY_END_STOLEN;
	if (!accused_has(from->accused, key->kid))
		TRY(keyring_marked(from->at, key->kid, &end, why));
	key->fate = end == KEY_END_STOLEN     ? FATE_STOLEN
		    : end == KEY_END_RETIRED  ? FATE_RETIRED
		    : is_ours(from, key->kid) ? FATE_LOST
					      : FATE_ELSEWHERE;
	return MM_OK;
}

static int64_t live_of(const char *kid, const struct key_row *rows,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].kid, kid) == 0)
			return rows[i].live_tokens;
	return 0;
}

/* A key that no token needs may be the next one of who shares the store, or
 * sign there since a moment: then nothing ends by itself. */
static enum mm_err spare(struct missing *m, struct store *store, int64_t now)
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	TRY(store_keys(store, now, rows, &count));
	for (size_t i = 0; i < m->count; i++) {
		struct missing_key *key = &m->at[i];
		if (key->fate != FATE_LOST && key->fate != FATE_UNNEEDED)
			continue;
		key->live_tokens = live_of(key->kid, rows, count);
		key->fate = key->live_tokens != 0    ? FATE_LOST
			    : store_is_shared(store) ? FATE_ELSEWHERE
						     : FATE_UNNEEDED;
	}
	return MM_OK;
}

static const struct missing_key *find(const struct missing *m, const char *kid)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->at[i].kid, kid) == 0)
			return &m->at[i];
	return NULL;
}

static bool has_fate(const struct missing *m, enum fate fate)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i].fate == fate)
			return true;
	return false;
}

/* Another issuer on this store may have announced its end, so that it is missed
 * there no more; it has to go out of force here all the same. */
static bool stolen_in_force(const struct missing_from *from)
{
	for (size_t i = 0; i < from->accused->n; i++)
		if (keyring_find(from->before, from->accused->kids[i]) != NULL)
			return true;
	return false;
}

enum mm_err missing_find(const struct missing_from *from, struct missing *out,
			 struct why *why)
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	*out = (struct missing){ .count = 0 };
	TRY(store_keys(from->store, 0, rows, &count));
	out->published = count;
	for (size_t i = 0; i < count; i++) {
		struct missing_key *key = &out->at[out->count];
		if (keyring_find(from->ring, rows[i].kid) != NULL)
			continue;
		*key = (struct missing_key){ .fate = FATE_LOST };
		memcpy(key->kid, rows[i].kid, sizeof key->kid);
		TRY(find_fate(from, key, why));
		out->count++;
	}
	out->stolen = has_fate(out, FATE_STOLEN) || stolen_in_force(from);
	/* counting reads every token */
	return has_fate(out, FATE_LOST) ? spare(out, from->store, from->now)
					: MM_OK;
}

/* ---- refusing ---- */

/* What to do stands before what may be long: other sentences are put before
 * this one, and a `why` has its end. */
static enum mm_err say_lost(const struct missing_key *key, size_t more,
			    const struct missing_from *from, struct why *why)
{
	char others[48] = "";
	if (more != 0)
		snprintf(others, sizeof others, " (and %zu more)", more);
	return why_say(why, MM_ERR_CONFLICT, NULL,
		       "key %s has %lld live token%s and no file: %s, or give "
		       "it up: mintmark key retire --force %s%s (if stolen: "
		       "compromise); missing%s in %s",
		       key->kid, (long long)key->live_tokens,
		       key->live_tokens == 1 ? "" : "s",
		       store_is_shared(from->store)
			       ? "copy it from another issuer"
			       : "put it back",
		       key->kid[0] == '-' ? "-- " : "", key->kid, others,
		       from->at.dir);
}

enum mm_err missing_check(const struct missing *m,
			  const struct missing_from *from, struct why *why)
{
	const struct missing_key *first = NULL;
	size_t lost = 0;
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i].fate == FATE_LOST && lost++ == 0)
			first = &m->at[i];
	return first == NULL || m->stolen
		       ? MM_OK
		       : say_lost(first, lost - 1, from, why);
}

enum mm_err missing_check_start(struct keyring_at at,
				const struct keyring *ring, struct store *store,
				struct missing *out, struct why *why)
{
	static const struct accused nobody = { .n = 0 };
	static const struct keyring none = { .count = 0 };
	const struct missing_from from = { at,	  ring,	   store,
					   &none, &nobody, clock_now() };
	TRY(missing_find(&from, out, why));
	return missing_check(out, &from, why);
}

bool missing_has_none(const struct missing *m)
{
	bool none = m->count != 0 && m->count == m->published;
	for (size_t i = 0; i < m->count; i++)
		none = none && m->at[i].fate == FATE_ELSEWHERE;
	return none;
}

/* ---- announcing ---- */

static void log_kept(const struct missing_key *key, const char *dir)
{
	if (key->fate == FATE_LOST)
		log_event(LOG_ERR, "keys.lost",
			  "kid=%s detail=its file is missing in %s and %lld of "
			  "its tokens live: put it back, or mintmarkd does not "
			  "start again",
			  key->kid, dir, (long long)key->live_tokens);
	else
		log_event(LOG_NOTICE, "keys.elsewhere",
			  "kid=%s detail=another issuer on this store has this "
			  "key; if it is to sign here, too, copy it to %s (if "
			  "none has it any more: mintmark key retire --force "
			  "%s%s)",
			  key->kid, dir, key->kid[0] == '-' ? "-- " : "",
			  key->kid);
}

bool missing_ended(const struct missing_key *key)
{
	return key->fate == FATE_STOLEN || key->fate == FATE_RETIRED ||
	       key->fate == FATE_UNNEEDED;
}

bool missing_ends(const struct missing *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (missing_ended(&m->at[i]))
			return true;
	return false;
}

static bool is_news(const struct missing_key *key, const struct missing *said)
{
	const struct missing_key *before = find(said, key->kid);
	return before == NULL || before->fate != key->fate;
}

enum mm_err missing_announce(struct missing *m, struct store *store,
			     const char *dir, const struct stamp *stamp,
			     struct missing *said)
{
	if (has_fate(m, FATE_UNNEEDED)) /* it may have signed until now */
		TRY(spare(m, store, stamp->at));
	for (size_t i = 0; i < m->count; i++) {
		const struct missing_key *key = &m->at[i];
		bool stolen = key->fate == FATE_STOLEN;
		if (!missing_ended(key)) {
			if (is_news(key, said))
				log_kept(key, dir);
			continue;
		}
		TRY(store_key_gone(store, key->kid, stolen, stamp));
		log_event(LOG_NOTICE,
			  stolen ? "key.compromised" : "key.retired", "kid=%s",
			  key->kid);
	}
	*said = *m;
	return MM_OK;
}

/* ---- and then ---- */

/* It is all in the log now.  A mark that stays says the same once more; one
 * of a key that was not announced may have been made since we looked. */
void missing_unmark(const struct missing *m, struct keyring_at at,
		    const struct keyring *in_force)
{
	struct why why = { .text = "" };
	struct key_names unsaid = { .n = 0 };
	_Static_assert(sizeof m->at / sizeof m->at[0] <=
			       sizeof unsaid.at / sizeof unsaid.at[0],
		       "each may be unsaid");
	for (size_t i = 0; i < m->count; i++)
		if (!missing_ended(&m->at[i]))
			unsaid.at[unsaid.n++] = m->at[i].kid;
	if (keyring_unmark(at, in_force, &unsaid, &why) != MM_OK)
		log_event(LOG_WARNING, "keys.mark_stays", "detail=%s",
			  why.text);
}

void missing_forget(const struct missing *m, const struct keyring *in_force,
		    struct accused *accused)
{
	for (size_t i = accused->n; i-- > 0;) {
		const char *kid = accused->kids[i];
		if (find(m, kid) == NULL && keyring_find(in_force, kid) == NULL)
			accused_drop(accused, kid);
	}
}

/* It may have been announced after we had looked which are published, or there
 * was no room for it among the accused. */
static enum mm_err say_not_gone(const char *kid, struct store *store,
				struct why *why)
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	TRY(store_keys(store, 0, rows, &count));
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].kid, kid) == 0)
			return why_say(why, MM_ERR_CONFLICT, "compromised",
				       "key %s is published still: do the same "
				       "again",
				       kid);
	return why_say(why, MM_ERR_NOT_FOUND, "compromised",
		       "%s is no key of this mint, and never was one; all else "
		       "was done",
		       kid);
}

/* What cannot be looked at now was announced all the same. */
enum mm_err missing_check_told(const struct told *told, struct store *store,
			       struct why *why)
{
	for (size_t i = 0; i < told->n; i++) {
		AUTO_JWK struct jwk *key = NULL;
		if (store_former_key(store, told->kids[i], &key) ==
		    MM_ERR_NOT_FOUND)
			return say_not_gone(told->kids[i], store, why);
	}
	return MM_OK;
}
