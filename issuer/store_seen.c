/* store_seen.c - when and where tokens were used, for people to see. */
#include "issuer/store_internal.h"

struct seen_batch {
	const struct sighting *seen;
	size_t count, accepted;
	int64_t now;
};

static enum mm_err seen_one(struct conn *c, const struct sighting *s)
{
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_SEEN);
	query_int(&q, s->list);
	query_int(&q, s->idx);
	query_int(&q, seen_hour(s->hour)); /* whatever we were told */
	query_text(&q, s->door);
	query_text(&q, s->from);
	query_int(&q, SEEN_GRAIN);
	return query_run(&q);
}

static enum mm_err seen_all(struct conn *c, void *arg)
{
	struct seen_batch *b = arg;
	b->accepted = 0;
	for (size_t i = 0; i < b->count; i++) {
		if (b->seen[i].hour > b->now)
			continue;
		TRY(seen_one(c, &b->seen[i]));
		b->accepted += conn_changes(c) != 0;
	}
	return MM_OK;
}

enum mm_err store_seen(struct store *s, const struct sighting *seen,
		       size_t count, int64_t now, size_t *accepted)
{
	struct seen_batch b = { .seen = seen, .count = count, .now = now };
	*accepted = 0;
	if (count == 0)
		return MM_OK;
	TRY(store_write(s, seen_all, &b));
	*accepted = b.accepted;
	return MM_OK;
}
