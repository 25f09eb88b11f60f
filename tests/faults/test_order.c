/* Batches and snapshots that come twice, late, out of order and with holes
 * between them: a host takes what leads it forward and refuses the rest, and
 * stands at every moment where the mint stood at the same number.
 *
 * Random; MM_SEED runs the same again. */
#include "tests/unit/follow_fixture.h"

#include <time.h>

#define EVENTS	   48u
#define DELIVERIES 60
#define FIRST	   7u /* where the fixture's host begins */

/* A mint's whole life: its events, and what it was after each. */
struct history {
	struct mint m;
	struct event event[EVENTS];
	char *was[EVENTS + 1];		/* the replica, written out */
	struct buf signed_[EVENTS + 1]; /* the same, as a snapshot */
};

/* ---- randomness ---- */

static uint64_t seed;

static uint32_t up_to(uint32_t n) /* 0 .. n - 1; splitmix64 */
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) % n);
}

static void seed_once(void)
{
	const char *given = getenv("MM_SEED");
	seed = given ? strtoull(given, NULL, 10)
		     : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
}

/* ---- a history ---- */

/* Revoked is final, as a mint has it. */
static struct event any_status(const struct replica *r)
{
	struct event e = { .type = EVENT_STATUS,
			   .list = up_to(2) ? FIXED : SLIDE,
			   .idx = up_to(40) };
	const struct list *l = replica_list(r, e.list);
	unsigned now = status_get(l->status, e.idx);
	e.value = now == STATUS_REVOKED ? STATUS_REVOKED : up_to(3);
	return e;
}

static struct event any_key(const struct replica *r)
{
	struct event e = { .type = EVENT_KEY_NEW };
	size_t count = r->keys.count;
	if (count > 1 && up_to(2)) { /* not the first: it signs */
		const struct jwk *gone =
			r->keys.key[1 + up_to((uint32_t)count - 1)];
		e.type = up_to(2) ? EVENT_KEY_RETIRED : EVENT_KEY_COMPROMISED;
		snprintf(e.kid, sizeof e.kid, "%s", jwk_kid(gone));
		return e;
	}
	AUTO_JWK struct jwk *k = NULL;
	AUTO_BUF struct buf json = buf_new(JWK_TEXT_MAX - 1);
	struct span text;
	assert_ok(jwk_generate(JWK_EDDSA, &k));
	assert_ok(jwk_to_json(k, &json));
	assert_ok(buf_done(&json, &text));
	assert_true(span_copy(e.jwk, sizeof e.jwk, text));
	snprintf(e.kid, sizeof e.kid, "%s", jwk_kid(k));
	return e;
}

static struct event any_list(void)
{
	return (struct event){ .type = up_to(2) ? EVENT_LIST_NEW
						: EVENT_LIST_DEAD,
			       .list = 10 + up_to(4),
			       .kind = LIST_FIXED,
			       .size = 64,
			       .expires = T0 + 400 * DAY };
}

/* Mostly what is shown in place: each key and list makes a new file. */
static struct event any_event(const struct replica *r)
{
	uint32_t what = up_to(30);
	if (what == 0)
		return any_key(r);
	if (what == 1)
		return any_list();
	if (what > 8)
		return any_status(r);
	return (struct event){ .type = EVENT_RENEW,
			       .list = SLIDE,
			       .idx = up_to(40),
			       .last_use = T0 + up_to(1000) };
}

static char *written(const struct replica *r)
{
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span text;
	assert_ok(snapshot_write(r, 1, 1, &b));
	assert_ok(buf_done(&b, &text));
	return strndup((const char *)text.at, text.len);
}

static void history_note(struct history *h, unsigned n)
{
	h->was[n] = written(&h->m.r);
	(void)snapshot_make(&h->m, h->m.key, &h->signed_[n]);
}

static void history_grow(struct history *h)
{
	history_note(h, 0);
	for (unsigned n = 0; n < EVENTS; n++) {
		h->event[n] = any_event(&h->m.r);
		h->event[n].seq = FIRST + n + 1;
		assert_ok(replica_apply(&h->m.r, &h->event[n]));
		h->m.r.iat++;
		history_note(h, n + 1);
	}
}

static void history_end(struct history *h)
{
	for (unsigned n = 0; n <= EVENTS; n++) {
		free(h->was[n]);
		buf_free(&h->signed_[n]);
	}
}

/* ---- deliveries ---- */

static struct span events_of(const struct history *h, unsigned from,
			     unsigned to, struct buf *b)
{
	struct span text;
	for (unsigned n = from; n < to; n++) {
		if (n != from)
			buf_str(b, ",");
		buf_str(b, event_json(&h->event[n]));
	}
	buf_str(b, "");
	assert_ok(buf_done(b, &text));
	return text;
}

/* Events from .. to, from where the mint was. */
static enum mm_err deliver(struct host *at, const struct history *h,
			   unsigned from, unsigned to)
{
	AUTO_BUF struct buf events = buf_new(1 << 20);
	return take(at, (struct batch){ .after = FIRST + from,
					.count = to - from,
					.iat = T0 + to,
					.events = (const char *)events_of(
							  h, from, to, &events)
							  .at });
}

/* What the host stands at, in memory, and in the file that others read. */
static void same_as(const struct host *at, const struct history *h, unsigned n)
{
	char *is = written(&at->k.replica);
	assert_int_equal(at->k.replica.seq, FIRST + n);
	assert_string_equal(is, h->was[n]);
	free(is);

	AUTO_MAP struct state_map *s = NULL;
	assert_ok(state_map_open(at->m.path, &s, NULL));
	assert_int_equal(s->head->seq, FIRST + n);
	assert_int_equal(s->keys.count, at->k.replica.keys.count);
	for (uint32_t list = FIXED; list <= SLIDE; list++) {
		const struct list *l = replica_list(&at->k.replica, list);
		for (uint32_t i = 0; i < 40; i++)
			assert_int_equal(state_status(s->head,
						      state_find(s->head, list),
						      i),
					 status_get(l->status, i));
	}
}

static unsigned any_batch(struct host *at, const struct history *h, unsigned n)
{
	unsigned from = up_to(EVENTS + 1);
	unsigned to = from + up_to(EVENTS + 1 - from);
	if (up_to(3) == 0) { /* mostly at random; or near the next one */
		from = n - up_to(n < 3 ? n + 1 : 3);
		to = from +
		     up_to(EVENTS + 1 - from < 8 ? EVENTS + 1 - from : 8);
	}
	enum mm_err want = to < n     ? MM_ERR_ROLLBACK
			   : from > n ? MM_ERR_GAP
				      : MM_OK;
	assert_err(deliver(at, h, from, to), want);
	return want == MM_OK ? to : n;
}

static unsigned any_snapshot(struct host *at, const struct history *h,
			     unsigned n)
{
	unsigned to = up_to(EVENTS + 1);
	struct span jws = span_of(h->signed_[to].at, h->signed_[to].len);
	assert_err(keep_take_snapshot(&at->k, jws, NULL, T0 + 1000, NULL),
		   to < n ? MM_ERR_ROLLBACK : MM_OK);
	return to < n ? n : to;
}

/* The host has the mint's key, folder and beginnings for itself. */
static void host_of(struct host *at, const struct history *h)
{
	struct jwk_set first = { .count = 0 };
	struct span jws = span_of(h->signed_[0].at, h->signed_[0].len);
	at->m = h->m;
	assert_ok(jwk_set_add(&first, h->m.key));
	assert_ok(keep_open(&at->k, h->m.path, ISS, DAY, NULL));
	assert_ok(keep_take_snapshot(&at->k, jws, &first, T0 + 1000, NULL));
	jwk_set_clear(&first);
}

static void one_life(void)
{
	struct history h = { .event = { { .seq = 0 } } };
	struct host at;
	unsigned n = 0;
	print_message("MM_SEED=%" PRIu64 "\n", seed);
	mint_begin(&h.m);
	history_grow(&h);
	host_of(&at, &h);
	same_as(&at, &h, 0);
	for (int i = 0; i < DELIVERIES; i++) {
		uint32_t what = up_to(30);
		if (what == 0)
			n = any_snapshot(&at, &h, n);
		else if (what == 1)
			host_restart(&at);
		else
			n = any_batch(&at, &h, n);
		same_as(&at, &h, n);
	}
	assert_ok(deliver(&at, &h, n, EVENTS));
	same_as(&at, &h, EVENTS);
	assert_ok(deliver(&at, &h, 0, EVENTS)); /* all of it, once more */
	same_as(&at, &h, EVENTS);
	keep_close(&at.k);
	history_end(&h);
	mint_end(&h.m);
}

static void test_F28_any_order(void **state)
{
	(void)state;
	int lives = getenv("MM_LONG") ? 1000 : 20;
	for (int i = 0; i < lives; i++)
		one_life();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F28_any_order),
	};
	seed_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
