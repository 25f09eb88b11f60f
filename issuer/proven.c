/* proven.c - a table of digests, each with the key that it goes with.
 *
 * The SHA-256 stands for the whole token: who could make two with the same
 * could forge signatures, which are over such digests.  So no token is kept
 * here, and all entries are of one small size.  The key is held, so that no
 * other can come to lie at its address.
 */
#include "issuer/proven.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#define WAYS 4 /* places where a token may be */
#define ROWS (PROVEN_MAX / WAYS)

struct digest {
	uint8_t at[32];
};

struct entry {
	struct digest token;
	struct jwk *key; /* NULL: free */
};

struct proven {
	pthread_mutex_t lock;
	unsigned turn; /* who has to go next */
	struct entry row[ROWS][WAYS];
};

struct proven *proven_new(void)
{
	struct proven *p = calloc(1, sizeof *p);
	if (p != NULL)
		pthread_mutex_init(&p->lock, NULL);
	return p;
}

void proven_free(struct proven *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < PROVEN_MAX; i++)
		jwk_drop(p->row[i / WAYS][i % WAYS].key);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static bool digest_of(struct span token, struct digest *out)
{
	return EVP_Digest(token.at, token.len, out->at, NULL, EVP_sha256(),
			  NULL) == 1;
}

static struct entry *row_of(struct proven *p, const struct digest *d)
{
	return p->row[(d->at[0] << 8 | d->at[1]) % ROWS];
}

/* The place where the token is, or NULL. */
static struct entry *find(struct proven *p, const struct digest *d)
{
	struct entry *row = row_of(p, d);
	for (size_t i = 0; i < WAYS; i++)
		if (row[i].key != NULL &&
		    memcmp(row[i].token.at, d->at, sizeof d->at) == 0)
			return &row[i];
	return NULL;
}

bool proven_has(struct proven *p, struct span token, const struct jwk *key)
{
	struct digest d;
	if (!digest_of(token, &d))
		return false;
	pthread_mutex_lock(&p->lock);
	const struct entry *e = find(p, &d);
	bool has = e != NULL && e->key == key;
	pthread_mutex_unlock(&p->lock);
	return has;
}

static struct entry *choose_place(struct proven *p, const struct digest *d)
{
	struct entry *row = row_of(p, d), *e = find(p, d);
	for (size_t i = 0; i < WAYS && e == NULL; i++)
		if (row[i].key == NULL)
			e = &row[i];
	return e ? e : &row[p->turn++ % WAYS];
}

void proven_add(struct proven *p, struct span token, struct jwk *key)
{
	struct digest d;
	if (!digest_of(token, &d))
		return;
	pthread_mutex_lock(&p->lock);
	struct entry *e = choose_place(p, &d);
	struct jwk *old = e->key;
	*e = (struct entry){ d, jwk_hold(key) };
	pthread_mutex_unlock(&p->lock);
	jwk_drop(old);
}
