/* store_stats.c - how much there is in the store, and whether it takes
 * more. */
#include "common/clock.h"
#include "issuer/store_internal.h"

#define COUNT_SHARE 100 /* counting takes at most one part of so many */

static enum mm_err count(struct conn *c, int64_t now, struct store_stats *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_COUNT);
	query_int(&q, now);
	if (query_row(&q)) {
		out->total = column_int(&q, 0);
		out->live = column_int(&q, 1);
	}
	TRY(query_end(&q));
	return query_one(c, ST_BYTES, &out->bytes);
}

enum mm_err store_bytes(struct store *s, int64_t *out)
{
	AUTO_READER struct conn *c = store_reader(s);
	return query_one(c, ST_BYTES, out);
}

/* Every row is looked at: a fifth of a second for a million of them. */
static enum mm_err count_anew(struct store *s, int64_t now)
{
	AUTO_READER struct conn *c = store_reader(s);
	int64_t began = clock_ms();
	TRY(count(c, now, &s->counted));
	s->count_again = began + (clock_ms() - began) * COUNT_SHARE;
	return MM_OK;
}

enum mm_err store_stats(struct store *s, int64_t now, struct store_stats *out)
{
	pthread_mutex_lock(&s->counting);
	enum mm_err e =
		clock_ms() < s->count_again ? MM_OK : count_anew(s, now);
	*out = s->counted;
	pthread_mutex_unlock(&s->counting);
	return e;
}

static enum mm_err probe(struct conn *c, void *arg)
{
	(void)arg;
	return query_plain(c, ST_PROBE);
}

enum mm_err store_probe(struct store *s)
{
	return store_write(s, probe, NULL);
}
