/* batches.c - a ring of signed batches. */
#include "verifier/agent/batches.h"

static size_t nth(const struct batches *b, size_t i)
{
	return (b->first + i) % BATCHES_MAX;
}

static void drop_first(struct batches *b)
{
	struct batch_kept *k = &b->at[b->first];
	http_body_drop(k->body);
	b->bytes -= k->bytes;
	b->first = (b->first + 1) % BATCHES_MAX;
	b->count--;
}

static void keep(struct batches *b, const struct batch_kept *k)
{
	while (b->count == BATCHES_MAX ||
	       (b->count != 0 && b->bytes + k->bytes > BATCHES_BYTES))
		drop_first(b);
	b->at[nth(b, b->count++)] = *k;
	b->bytes += k->bytes;
}

void batches_add(struct batches *b, struct span jws, uint64_t from,
		 uint64_t upto, int64_t now_ms)
{
	struct http_body *body = http_body_new("application/jwt", jws);
	const struct batch_kept k = { from, upto, jws.len, body };
	b->head = upto;
	http_body_drop(b->newest);
	b->newest = body;
	b->newest_ms = now_ms;
	if (body != NULL && from != upto) {
		http_body_hold(body);
		keep(b, &k);
	}
}

void batches_clear(struct batches *b, uint64_t head)
{
	while (b->count != 0)
		drop_first(b);
	http_body_drop(b->newest);
	b->newest = NULL;
	b->head = head;
}

/* Nearly all who ask lack the last one only. */
struct http_body *batches_next(const struct batches *b, uint64_t after)
{
	for (size_t i = b->count; i-- != 0;) {
		const struct batch_kept *k = &b->at[nth(b, i)];
		if (k->upto <= after)
			break;
		if (k->from <= after)
			return http_body_hold(k->body);
	}
	return NULL;
}

struct http_body *batches_newest(const struct batches *b, int64_t now_ms,
				 int64_t max_ms)
{
	return b->newest != NULL && now_ms - b->newest_ms <= max_ms
		       ? http_body_hold(b->newest)
		       : NULL;
}
