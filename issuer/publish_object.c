/* publish_object.c - whole objects: snapshot, status lists, JWKS, index. */
#include <stdlib.h>

#include "common/clock.h"
#include "issuer/publish_internal.h"

/* ---- kept objects ---- */

struct http_body *kept_put(struct kept *k, const struct kept *fresh)
{
	http_body_drop(k->body);
	*k = *fresh;
	k->made = clock_ms();
	return http_body_hold(k->body);
}

struct kept *kept_find(struct kept *slots, size_t n, uint64_t what)
{
	struct kept *oldest = &slots[0];
	for (size_t i = 0; i < n; i++) {
		if (slots[i].what == what)
			return &slots[i];
		if (slots[i].made < oldest->made)
			oldest = &slots[i];
	}
	return oldest;
}

void kept_clear(struct kept *slots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		http_body_drop(slots[i].body);
	memset(slots, 0, n * sizeof *slots);
}

bool kept_good(const struct kept *k, uint64_t what, uint64_t seq, int64_t ms)
{
	return k->what == what && k->seq == seq && clock_ms() - k->made < ms;
}

/* Which key could not sign last, so that nobody is told that something is
 * published while it is that one's turn. */
static void note_signed(struct publisher *p, const struct jwk *key, bool did)
{
	const char *kid = jwk_kid(key);
	pthread_mutex_lock(&p->lock);
	if (!did)
		(void)span_copy(p->silent, sizeof p->silent, span_str(kid));
	else if (strcmp(p->silent, kid) == 0)
		p->silent[0] = '\0';
	pthread_mutex_unlock(&p->lock);
}

enum mm_err publish_sign(struct publisher *p, const struct jwk *key,
			 struct publish_kind kind, struct buf *payload,
			 struct http_body **out, struct why *why)
{
	AUTO_BUF struct buf jws = buf_new(SNAPSHOT_MAX);
	struct span text;
	TRY(buf_done(payload, &text));
	enum mm_err e = signing_jws(key, kind.typ, text, &jws, why);
	note_signed(p, key, e != MM_ERR_UNAVAILABLE);
	TRY(e);
	TRY(buf_done(&jws, &text));
	*out = http_body_new(kind.media_type, text);
	return *out ? MM_OK : MM_ERR_NOMEM;
}

/* ---- snapshot ---- */

/* From a copy: to pack 10 million tokens takes more than a second, and what is
 * revoked meanwhile must not wait for it. */
static enum mm_err make_snapshot(struct publisher *p, int64_t as_of,
				 struct kept *made, struct why *why)
{
	static const struct publish_kind kind = { TYP_SNAPSHOT,
						  "application/jwt" };
	AUTO_BUF struct buf payload = buf_new(SNAPSHOT_MAX);
	__attribute__((cleanup(replica_free))) struct replica r = { .seq = 0 };
	pthread_rwlock_rdlock(&p->state);
	enum mm_err e = replica_copy(&p->replica, &r);
	pthread_rwlock_unlock(&p->state);
	TRY(e);
	TRY(snapshot_write(&r, as_of, p->ttl.feed, &payload));
	made->seq = r.seq;
	AUTO_JWK struct jwk *key = signing_key(p->signing);
	return publish_sign(p, key, kind, &payload, &made->body, why);
}

/* When a new history begins all agents ask at once, and to make one takes
 * longer than the next event is away: so who waited while one was made, from
 * its begin, takes that one, and goes on from there. */
enum mm_err publisher_snapshot(struct publisher *p, struct http_body **out,
			       struct why *why)
{
	enum mm_err e = MM_OK;
	struct kept fresh = { .what = 1 };
	int64_t as_of;
	TRY(publish_check(p, &as_of));
	int64_t asked = clock_ms();
	publish_note_begin(p, 0); /* before it is made: it may be old by then */
	pthread_mutex_lock(&p->snapping);
	struct kept *k = &p->snapshot;
	fresh.began = clock_ms();
	if (k->began >= asked || kept_good(k, 1, publisher_seq(p), BATCH_MS)) {
		*out = http_body_hold(k->body);
	} else {
		e = make_snapshot(p, as_of, &fresh, why);
		if (e == MM_OK)
			*out = kept_put(k, &fresh);
	}
	uint64_t upto = k->seq;
	pthread_mutex_unlock(&p->snapping);
	publish_note_given(p, 0, e == MM_OK ? &upto : NULL);
	return e;
}

/* ---- what anybody may read, and keep for a while ---- */

/* Packed here, so once for all who ask. */
static enum mm_err hand_out(struct http_body **body, struct http_body **out)
{
	TRY(http_body_prepare(*body));
	*out = *body;
	*body = NULL;
	return MM_OK;
}

static enum mm_err plain_object(const char *type, struct buf *text,
				struct http_body **out)
{
	struct span bytes;
	TRY(buf_done(text, &bytes));
	AUTO_BODY struct http_body *body = http_body_new(type, bytes);
	return body ? hand_out(&body, out) : MM_ERR_NOMEM;
}

/* ---- status lists (draft-ietf-oauth-status-list s5.1) ---- */

/* What a list is made from, as it stood at one moment. */
struct list_copy {
	char iss[ISS_SIZE];
	struct buf bits;
};

static void list_copy_free(struct list_copy *c)
{
	buf_free(&c->bits);
}

static enum mm_err list_copy(struct publisher *p, uint32_t list,
			     struct list_copy *out)
{
	pthread_rwlock_rdlock(&p->state);
	const struct list *l = replica_list(&p->replica, list);
	memcpy(out->iss, p->replica.iss, sizeof out->iss);
	if (l != NULL) /* whole: who reads it refuses an index past the end */
		buf_add(&out->bits, span_of(l->status, l->size / 4));
	pthread_rwlock_unlock(&p->state);
	return l != NULL ? out->bits.failed : MM_ERR_NOT_FOUND;
}

static enum mm_err list_payload(struct list_copy *c, uint32_t list,
				int64_t as_of, int64_t ttl, struct buf *out)
{
	struct span bits;
	TRY(buf_done(&c->bits, &bits));
	buf_fmt(out, "{\"iss\":\"%s\",\"sub\":\"%s/s/%u\",\"iat\":%lld,",
		c->iss, c->iss, list, (long long)as_of);
	buf_fmt(out, "\"exp\":%lld,\"ttl\":%lld,", (long long)as_of + 86400,
		(long long)ttl);
	buf_str(out, "\"status_list\":{\"bits\":2,\"lst\":\"");
	TRY(pack_bytes(bits, true, out));
	buf_fmt(out, "\",\"aggregation_uri\":\"%s/s\"}}", c->iss);
	return out->failed;
}

/* From a copy, as a snapshot: what is revoked meanwhile must not wait until
 * strangers have their list. */
static enum mm_err make_list(struct publisher *p, uint32_t list, int64_t as_of,
			     struct http_body **out, struct why *why)
{
	static const struct publish_kind kind = {
		TYP_STATUS_LIST, "application/statuslist+jwt"
	};
	__attribute__((cleanup(list_copy_free))) struct list_copy c = {
		.bits = buf_new(LIST_SIZE_MAX),
	};
	AUTO_BUF struct buf payload = buf_new(LIST_SIZE_MAX);
	TRY(list_copy(p, list, &c));
	TRY(list_payload(&c, list, as_of, p->ttl.list, &payload));
	AUTO_JWK struct jwk *key = signing_key(p->signing);
	AUTO_BODY struct http_body *body = NULL;
	TRY(publish_sign(p, key, kind, &payload, &body, why));
	return hand_out(&body, out);
}

enum mm_err publisher_list(struct publisher *p, uint32_t list,
			   struct http_body **out, struct why *why)
{
	enum mm_err e = MM_OK;
	int64_t as_of;
	uint64_t what = (uint64_t)list + 1;
	TRY(publish_check(p, &as_of));
	pthread_mutex_lock(&p->making);
	struct kept fresh = { .what = what, .seq = publisher_seq(p) };
	struct kept *k = kept_find(p->list, KEPT_LISTS, what);
	if (kept_good(k, what, fresh.seq, p->ttl.list * 1000 / 2) ||
	    kept_good(k, what, k->seq, LIST_MS)) {
		*out = http_body_hold(k->body);
	} else {
		e = make_list(p, list, as_of, &fresh.body, why);
		if (e == MM_OK)
			*out = kept_put(k, &fresh);
	}
	pthread_mutex_unlock(&p->making);
	return e;
}

/* ---- keys, and which lists there are ---- */

static enum mm_err make_jwks(struct publisher *p, struct http_body **out)
{
	AUTO_BUF struct buf json = buf_new(64 * JWK_TEXT_MAX);
	pthread_rwlock_rdlock(&p->state);
	enum mm_err e = jwk_set_to_json(&p->replica.keys, &json);
	pthread_rwlock_unlock(&p->state);
	TRY(e);
	return plain_object("application/jwk-set+json", &json, out);
}

/* All lists that there are (draft-ietf-oauth-status-list s9.3). */
static enum mm_err make_index(struct publisher *p, struct http_body **out)
{
	AUTO_BUF struct buf json = buf_new(SNAPSHOT_MAX);
	buf_str(&json, "{\"status_lists\":[");
	pthread_rwlock_rdlock(&p->state);
	for (size_t i = 0; i < p->replica.list_count; i++)
		buf_fmt(&json, "%s\"%s/s/%u\"", i ? "," : "", p->replica.iss,
			p->replica.lists[i].list);
	pthread_rwlock_unlock(&p->state);
	buf_str(&json, "]}");
	return plain_object("application/json", &json, out);
}

/* An object that is unsigned, so good until something happens. */
static enum mm_err get_plain(struct publisher *p, struct kept *k,
			     enum mm_err (*make)(struct publisher *,
						 struct http_body **),
			     struct http_body **out)
{
	enum mm_err e = MM_OK;
	uint64_t seq = publisher_seq(p);
	struct kept fresh = { .what = 1, .seq = seq };
	pthread_mutex_lock(&p->making);
	if (kept_good(k, 1, seq, INT64_MAX)) {
		*out = http_body_hold(k->body);
	} else {
		e = make(p, &fresh.body);
		if (e == MM_OK)
			*out = kept_put(k, &fresh);
	}
	pthread_mutex_unlock(&p->making);
	return e;
}

enum mm_err publisher_jwks(struct publisher *p, struct http_body **out)
{
	return get_plain(p, &p->jwks, make_jwks, out);
}

enum mm_err publisher_index(struct publisher *p, struct http_body **out)
{
	return get_plain(p, &p->index, make_index, out);
}
