/* followers.c - a table of agents.  Ten thousand of them ask all at once after
 * each event: each is looked for in one row, not among all. */
#include "issuer/followers.h"

#include <pthread.h>
#include <stdlib.h>

#define ROWS (FOLLOWERS_MAX / FOLLOWERS_WAYS)

struct followers {
	pthread_mutex_t lock;
	struct follower row[ROWS][FOLLOWERS_WAYS];
};

struct followers *followers_new(void)
{
	struct followers *f = calloc(1, sizeof *f);
	if (f != NULL)
		pthread_mutex_init(&f->lock, NULL);
	return f;
}

void followers_free(struct followers *f)
{
	free(f);
}

static bool is_same(const struct follower *a, const struct follower *b)
{
	return a->idx == b->idx && a->list == b->list &&
	       strcmp(a->address, b->address) == 0;
}

/* FNV-1a. */
static uint32_t mix(uint32_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * UINT32_C(16777619);
	return hash;
}

static size_t row_of(const struct follower *who)
{
	uint32_t hash = mix(UINT32_C(2166136261), &who->list, sizeof who->list);
	hash = mix(hash, &who->idx, sizeof who->idx);
	return mix(hash, who->address, strlen(who->address)) % ROWS;
}

/* Its place, a free one, or that of who came longest ago. */
static struct follower *find(struct followers *f, const struct follower *who)
{
	struct follower *row = f->row[row_of(who)], *oldest = row;
	for (size_t i = 0; i < FOLLOWERS_WAYS; i++) {
		if (is_same(&row[i], who) || row[i].list == 0)
			return &row[i];
		if (row[i].at < oldest->at)
			oldest = &row[i];
	}
	return oldest;
}

void followers_note(struct followers *f, const struct follower *who)
{
	pthread_mutex_lock(&f->lock);
	*find(f, who) = *who;
	pthread_mutex_unlock(&f->lock);
}

void followers_each(struct followers *f, int64_t now,
		    void (*each)(void *, const struct follower *), void *ctx)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < FOLLOWERS_MAX; i++) {
		const struct follower *who =
			&f->row[i / FOLLOWERS_WAYS][i % FOLLOWERS_WAYS];
		if (who->list != 0 && who->at > now - FOLLOWER_KEPT)
			each(ctx, who);
	}
	pthread_mutex_unlock(&f->lock);
}
