/* followers.c - a small table of agents. */
#include "issuer/followers.h"

#include <pthread.h>
#include <stdlib.h>

struct followers {
	pthread_mutex_t lock;
	struct follower at[FOLLOWERS_MAX];
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

/* Its place, a free one, or that of who came longest ago. */
static struct follower *find(struct followers *f, const struct follower *who)
{
	struct follower *oldest = &f->at[0];
	for (size_t i = 0; i < FOLLOWERS_MAX; i++) {
		if (is_same(&f->at[i], who) || f->at[i].list == 0)
			return &f->at[i];
		if (f->at[i].at < oldest->at)
			oldest = &f->at[i];
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
	for (size_t i = 0; i < FOLLOWERS_MAX && f->at[i].list != 0; i++)
		if (f->at[i].at > now - FOLLOWER_KEPT)
			each(ctx, &f->at[i]);
	pthread_mutex_unlock(&f->lock);
}
