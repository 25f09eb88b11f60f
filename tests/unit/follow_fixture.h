/* follow_fixture.h - a mint's signed objects, and a host that has taken them in
 * up to event 7. */
#ifndef MM_TESTS_FOLLOW_FIXTURE_H
#define MM_TESTS_FOLLOW_FIXTURE_H

#include "common/feed.h"
#include "tests/unit/verifier_fixture.h"
#include "verifier/keep.h"

/* ---- objects, signed ---- */

struct batch {
	const char *iss, *epoch, *events, *typ;
	uint64_t after;
	unsigned count;
	bool more;
	int64_t iat;
	const struct jwk *key;
};

static inline struct span batch_make(const struct mint *m, struct batch s,
				     struct buf *b)
{
	AUTO_BUF struct buf json = buf_new(FEED_BATCH_MAX);
	struct feed_head h = { .iat = s.iat ? s.iat : T0 + 10,
			       .ttl = 30,
			       .after = s.after,
			       .seq = s.after + s.count,
			       .more = s.more };
	struct span text, jws;
	snprintf(h.iss, sizeof h.iss, "%s", s.iss ? s.iss : m->r.iss);
	snprintf(h.epoch, sizeof h.epoch, "%s", s.epoch ? s.epoch : EPOCH);
	assert_ok(batch_write(&h, span_str(s.events ? s.events : ""), &json));
	assert_ok(buf_done(&json, &text));
	*b = buf_new(FEED_BATCH_MAX);
	assert_ok(jws_sign(s.key ? s.key : m->key, s.typ ? s.typ : TYP_FEED,
			   text, b));
	assert_ok(buf_done(b, &jws));
	return jws;
}

static inline struct span snapshot_make(const struct mint *m,
					const struct jwk *key, struct buf *b)
{
	AUTO_BUF struct buf json = buf_new(1 << 20);
	struct span text, jws;
	assert_ok(snapshot_write(&m->r, m->r.iat, 30, &json));
	assert_ok(buf_done(&json, &text));
	*b = buf_new(1 << 20);
	assert_ok(jws_sign(key, TYP_SNAPSHOT, text, b));
	assert_ok(buf_done(b, &jws));
	return jws;
}

static inline const char *event_json(const struct event *e)
{
	static char text[4096];
	AUTO_BUF struct buf b = buf_new(sizeof text - 1);
	struct span s;
	assert_ok(event_write(e, &b));
	assert_ok(buf_done(&b, &s));
	assert_true(span_copy(text, sizeof text, s));
	return text;
}

static inline const char *revoked(uint64_t seq, uint32_t idx)
{
	struct event e = { .seq = seq,
			   .type = EVENT_STATUS,
			   .list = FIXED,
			   .idx = idx,
			   .value = STATUS_REVOKED };
	return event_json(&e);
}

/* ---- a host that holds a snapshot at 7 ---- */

struct host {
	struct mint m;
	struct keeper k;
};

static inline enum mm_err take(struct host *h, struct batch s)
{
	AUTO_BUF struct buf b;
	struct span jws = batch_make(&h->m, s, &b);
	return keep_take_batch(&h->k, jws, NULL, T0 + 1000, NULL);
}

static inline enum mm_err take_snapshot(struct host *h, const struct jwk *key,
					const struct jwk_set *also)
{
	AUTO_BUF struct buf b;
	struct span jws = snapshot_make(&h->m, key, &b);
	return keep_take_snapshot(&h->k, jws, also, T0 + 1000, NULL);
}

static inline void host_begin(struct host *h)
{
	struct why why = { .text = "" };
	struct jwk_set first = { .count = 0 };
	mint_begin(&h->m);
	assert_ok(jwk_set_add(&first, h->m.key));
	assert_ok(keep_open(&h->k, h->m.path, ISS, DAY, &why));
	assert_ok(take_snapshot(h, h->m.key, &first));
	jwk_set_clear(&first);
}

static inline void host_restart(struct host *h)
{
	keep_close(&h->k);
	assert_ok(keep_open(&h->k, h->m.path, ISS, DAY, NULL));
	assert_ok(keep_load(&h->k, T0 + 1000, NULL));
}

static inline void host_end(struct host *h)
{
	keep_close(&h->k);
	mint_end(&h->m);
}

/* What a reader sees now. */
static inline unsigned shown(const struct host *h, uint32_t idx)
{
	AUTO_MAP struct state_map *s = NULL;
	assert_ok(state_map_open(h->m.path, &s, NULL));
	assert_int_equal(s->head->seq, h->k.replica.seq);
	return state_status(s->head, state_find(s->head, FIXED), idx);
}

static inline int64_t shown_fresh(const struct host *h)
{
	AUTO_MAP struct state_map *s = NULL;
	assert_ok(state_map_open(h->m.path, &s, NULL));
	return state_fresh_at(s);
}

#endif
