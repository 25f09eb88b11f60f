/* sightings.c - who was seen at our own door, in memory for a second. */
#include "issuer/sightings.h"

#include <pthread.h>
#include <stdlib.h>

#define DOOR	 "mint"
#define SEEN_MAX 65536 /* tokens in an hour */
#define BATCH	 256   /* tokens in one transaction */
#define USES_MAX 256   /* in a second; the others are told at their next use */

struct sightings {
	pthread_mutex_t lock;
	struct seen_table seen;
	struct use use[USES_MAX]; /* of auto_refresh tokens, one for each */
	size_t uses;
};

struct sightings *sightings_new(void)
{
	struct sightings *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	seen_table_init(&s->seen, SEEN_MAX);
	return s;
}

void sightings_free(struct sightings *s)
{
	if (s == NULL)
		return;
	seen_table_free(&s->seen);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void add_use(struct sightings *s, const struct use *u)
{
	size_t i = 0;
	while (i < s->uses &&
	       (s->use[i].list != u->list || s->use[i].idx != u->idx))
		i++;
	if (i == USES_MAX)
		return;
	s->uses += i == s->uses;
	s->use[i] = *u;
}

void sightings_add(struct sightings *s, const struct claims *c,
		   int64_t last_use, const char *from, int64_t now)
{
	struct sighting seen = { .list = c->list,
				 .idx = c->idx,
				 .hour = seen_hour(now),
				 .door = DOOR };
	from_write(seen.from, span_str(from));
	pthread_mutex_lock(&s->lock);
	(void)!seen_table_add(&s->seen, &seen);
	if (use_is_news(c, last_use, now))
		add_use(s, &(struct use){ c->list, c->idx, now });
	pthread_mutex_unlock(&s->lock);
}

/* ---- writing them down ---- */

static enum mm_err save_uses(struct sightings *s, struct store *store,
			     int64_t now)
{
	struct use use[USES_MAX];
	size_t accepted;
	pthread_mutex_lock(&s->lock);
	size_t n = s->uses;
	memcpy(use, s->use, n * sizeof *use);
	s->uses = 0; /* one that is lost is told at its next use */
	pthread_mutex_unlock(&s->lock);
	return n == 0 ? MM_OK : store_use(store, use, n, now, &accepted);
}

static size_t collect(struct sightings *s, int64_t now, struct sighting *out)
{
	pthread_mutex_lock(&s->lock);
	size_t n = seen_table_due(&s->seen, now, out, BATCH);
	seen_table_prune(&s->seen, now);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void taken(struct sightings *s, const struct sighting *seen, size_t n)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < n; i++)
		seen_table_taken(&s->seen, &seen[i]);
	pthread_mutex_unlock(&s->lock);
}

enum mm_err sightings_save(struct sightings *s, struct store *store,
			   int64_t now)
{
	struct sighting seen[BATCH];
	size_t n, accepted;
	TRY(save_uses(s, store, now));
	do {
		n = collect(s, now, seen);
		TRY(store_seen(store, seen, n, now, &accepted));
		taken(s, seen, n);
	} while (n == BATCH);
	return MM_OK;
}
