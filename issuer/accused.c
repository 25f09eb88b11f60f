/* accused.c - the keys that were said to be stolen. */
#include "issuer/accused.h"

bool accused_has(const struct accused *a, const char *kid)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->kids[i], kid) == 0)
			return true;
	return false;
}

/* As many as can be published: more are no keys of ours. */
static void add(struct accused *a, const char *kid)
{
	if (a->n < KEYRING_MAX * 2 && jwk_is_kid(kid) && !accused_has(a, kid))
		memcpy(a->kids[a->n++], kid, KID_SIZE);
}

static enum mm_err check_is_out(const char *kid, const struct keyring *ring,
				struct why *why)
{
	if (keyring_find(ring, kid) == NULL)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "compromised",
		       "key %s is still in the keyring: mintmark key "
		       "compromise takes it out first",
		       kid);
}

struct marks {
	struct accused *accused;
	const struct keyring *ring;
};

/* One that is there still is yet to be thrown out. */
static void add_marked(void *ctx, const char *kid)
{
	const struct marks *m = ctx;
	if (keyring_find(m->ring, kid) == NULL)
		add(m->accused, kid);
}

enum mm_err accused_hear(struct accused *a, struct keyring_at at,
			 const struct keyring *ring, const struct told *told,
			 struct why *why)
{
	struct marks m = { a, ring };
	for (size_t i = 0; i < told->n; i++)
		TRY(check_is_out(told->kids[i], ring, why));
	for (size_t i = 0; i < told->n; i++)
		add(a, told->kids[i]);
	TRY(keyring_each_stolen(at, add_marked, &m, why));
	for (size_t i = 0; i < a->n; i++)
		TRY(check_is_out(a->kids[i], ring, why));
	return MM_OK;
}
