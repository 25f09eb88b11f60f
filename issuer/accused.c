/* accused.c - the keys that were said to be stolen. */
#include "issuer/accused.h"

bool accused_has(const struct accused *a, const char *kid)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->kids[i], kid) == 0)
			return true;
	return false;
}

/* As many as can be published.  Who tells of one for which there is no room is
 * told so (missing_check_told()), and a mark stays. */
static void add(struct accused *a, const char *kid)
{
	if (a->n < KEYRING_MAX * 2 && jwk_is_kid(kid) && !accused_has(a, kid))
		memcpy(a->kids[a->n++], kid, KID_SIZE);
}

void accused_drop(struct accused *a, const char *kid)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->kids[i], kid) == 0)
			memmove(a->kids[i], a->kids[--a->n], KID_SIZE);
}

enum mm_err told_check(const struct told *told, struct why *why)
{
	for (size_t i = 0; i < told->n; i++)
		if (!jwk_is_kid(told->kids[i]))
			return why_say(why, MM_ERR_INVALID, "compromised",
				       "\"%.64s\" is no kid: nothing was done",
				       told->kids[i]);
	return MM_OK;
}

static enum mm_err not_out(const char *kid, struct why *why)
{
	return why_say(why, MM_ERR_INVALID, "compromised",
		       "key %s is still in the keyring: mintmark key "
		       "compromise takes it out first",
		       kid);
}

struct marks {
	struct accused *accused;
	const struct keyring *ring;
};

/* One that is there still is yet to be thrown out: read_keys() says so. */
static void hear_mark(void *ctx, const char *kid)
{
	const struct marks *m = ctx;
	if (keyring_find(m->ring, kid) == NULL)
		add(m->accused, kid);
	else
		accused_drop(m->accused, kid);
}

enum mm_err accused_hear(struct accused *a, struct keyring_at at,
			 const struct keyring *ring, const struct told *told,
			 struct why *why)
{
	struct marks m = { a, ring };
	const char *early = NULL;
	for (size_t i = 0; i < told->n; i++)
		if (keyring_find(ring, told->kids[i]) == NULL)
			add(a, told->kids[i]);
		else
			early = told->kids[i];
	TRY(keyring_each_stolen(at, hear_mark, &m, why));
	for (size_t i = 0; i < a->n && early == NULL; i++)
		if (keyring_find(ring, a->kids[i]) != NULL)
			early = a->kids[i];
	return early == NULL ? MM_OK : not_out(early, why);
}
