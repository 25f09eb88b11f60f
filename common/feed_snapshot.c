/* feed_snapshot.c - a whole replica as one object, and back.
 *
 * Written piece by piece into the one buffer.  Read into a replica of its
 * own, which takes the place of the old one when all of it was good.
 */
#include <stdlib.h>

#include "common/feed_json.h"

/* ---- writing ---- */

static enum mm_err write_keys(const struct jwk_set *keys, struct buf *out)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (i != 0)
			buf_str(out, ",");
		TRY(jwk_to_json(keys->key[i], out));
	}
	return out->failed;
}

static enum mm_err write_list(const struct list *l, struct buf *out)
{
	buf_fmt(out, "{\"list\":%u,\"kind\":\"%s\",\"size\":%u", l->list,
		list_kind_name(l->kind), l->size);
	buf_fmt(out, ",\"expires\":%lld,\"status\":\"", (long long)l->expires);
	TRY(pack_bytes(span_of(l->status, l->touched / 4), false, out));
	if (l->kind == LIST_AUTO_REFRESH) {
		buf_str(out, "\",\"renewals\":\"");
		TRY(pack_renewals(l->last_use, l->touched, out));
	}
	buf_str(out, "\"}");
	return out->failed;
}

enum mm_err snapshot_write(const struct replica *r, int64_t iat, int64_t ttl,
			   struct buf *payload)
{
	struct feed_head head = { .iat = iat, .ttl = ttl, .seq = r->seq };
	memcpy(head.iss, r->iss, sizeof head.iss);
	memcpy(head.epoch, r->epoch, sizeof head.epoch);
	memcpy(head.history, r->history, sizeof head.history);

	buf_str(payload, "{");
	TRY(feed_head_write(&head, false, payload));
	buf_str(payload, ",\"keys\":[");
	TRY(write_keys(&r->keys, payload));
	buf_str(payload, "],\"lists\":[");
	for (size_t i = 0; i < r->list_count; i++) {
		if (i != 0)
			buf_str(payload, ",");
		TRY(write_list(&r->lists[i], payload));
	}
	buf_str(payload, "]}");
	return payload->failed;
}

/* ---- reading ---- */

static enum mm_err read_key(const json_t *o, struct jwk_set *keys)
{
	char text[JWK_TEXT_MAX];
	AUTO_JWK struct jwk *k = NULL;
	if (!json_is_object(o))
		return MM_ERR_MALFORMED;
	size_t n = json_dumpb(o, text, sizeof text, JSON_COMPACT);
	if (n == 0 || n > sizeof text ||
	    jwk_from_json(span_of(text, n), &k, NULL) != MM_OK ||
	    jwk_set_add(keys, k) != MM_OK)
		return MM_ERR_MALFORMED;
	return MM_OK;
}

static enum mm_err read_list(const json_t *o, struct replica *r)
{
	char kind[16];
	int64_t number, size, expires;
	struct span packed;
	struct list *l;
	size_t n;
	TRY(feed_json_int(o, "list", 0, UINT32_MAX, &number));
	TRY(feed_json_str(o, "kind", kind, sizeof kind));
	TRY(feed_json_int(o, "size", 1, LIST_SIZE_MAX, &size));
	TRY(feed_json_int(o, "expires", 1, DATE_MAX, &expires));
	if (replica_list(r, (uint32_t)number) != NULL)
		return MM_ERR_MALFORMED; /* twice */
	TRY(replica_add_list(r, (uint32_t)number, list_kind_of(kind),
			     (uint32_t)size, expires, &l));
	TRY(feed_json_span(o, "status", &packed));
	TRY(unpack_bytes(packed, list_status(l), l->size / 4, &n));
	list_touch(l, n * 4);
	if (l->kind == LIST_FIXED)
		return MM_OK;
	TRY(feed_json_span(o, "renewals", &packed));
	TRY(unpack_renewals(packed, list_last_use(l), l->size, &n));
	list_touch(l, n);
	return MM_OK;
}

static enum mm_err read_all(const json_t *o, struct replica *r)
{
	const json_t *keys, *lists;
	TRY(feed_json_array(o, "keys", &keys));
	TRY(feed_json_array(o, "lists", &lists));
	for (size_t i = 0; i < json_array_size(keys); i++)
		TRY(read_key(json_array_get(keys, i), &r->keys));
	for (size_t i = 0; i < json_array_size(lists); i++)
		TRY(read_list(json_array_get(lists, i), r));
	return MM_OK;
}

/* May it take the place of what r holds?  In one epoch the sequence says
 * which is newer; across epochs (history was lost) only the time can. */
static enum mm_err check_head(const struct replica *r,
			      const struct feed_head *h)
{
	if (r->iss[0] != '\0' && strcmp(h->iss, r->iss) != 0)
		return MM_ERR_WRONG_ISSUER;
	if (r->epoch[0] == '\0')
		return MM_OK;
	bool older = strcmp(h->epoch, r->epoch) == 0 ? h->seq < r->seq
						     : h->iat < r->iat;
	return older ? MM_ERR_ROLLBACK : MM_OK;
}

#define AUTO_REPLICA __attribute__((cleanup(replica_free)))

enum mm_err snapshot_read(struct span payload, struct replica *r)
{
	AUTO_JSON json_t *o = NULL;
	AUTO_REPLICA struct replica fresh = { .seq = 0 };
	struct feed_head h;
	TRY(feed_json_parse(payload, SNAPSHOT_MAX, &o));
	TRY(feed_head_read(o, false, &h));
	TRY(check_head(r, &h));
	TRY(read_all(o, &fresh));

	memcpy(fresh.iss, h.iss, sizeof fresh.iss);
	memcpy(fresh.epoch, h.epoch, sizeof fresh.epoch);
	memcpy(fresh.history, h.history, sizeof fresh.history);
	fresh.seq = h.seq;
	fresh.iat = h.iat > r->iat ? h.iat : r->iat;

	struct replica old = *r;
	*r = fresh;
	fresh = old; /* freed */
	return MM_OK;
}
