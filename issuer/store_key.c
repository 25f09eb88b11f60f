/* store_key.c - signing keys: announced, and gone for good. */
#include "common/clock.h"
#include "issuer/store_internal.h"

struct key_change {
	const char *kid, *jwk;
	enum event_type type;
	const struct stamp *stamp;
};

static enum mm_err audit_key(struct conn *c, const struct key_change *k,
			     const char *event)
{
	return audit_append(
		c, &(struct audit_entry){ .event = event, .key = k->kid },
		k->stamp);
}

static enum mm_err key_known(struct conn *c, const char *kid, bool *live,
			     bool *gone)
{
	AUTO_QUERY struct query q = query_new(c, ST_KEY_KNOWN);
	query_text(&q, kid);
	bool found = query_row(&q);
	*gone = found && column_int(&q, 0) != 0;
	*live = found && !*gone;
	return query_end(&q);
}

static enum mm_err check_room(struct conn *c)
{
	size_t n = 0;
	AUTO_QUERY struct query q = query_new(c, ST_KEY_LIST);
	while (query_row(&q))
		n++;
	TRY(query_end(&q));
	return n < STORE_KEYS_MAX ? MM_OK : MM_ERR_TOO_LARGE;
}

static enum mm_err append_key_event(struct conn *c, const struct key_change *k,
				    uint64_t *seq)
{
	struct event e = { .type = k->type };
	if (!span_copy(e.kid, sizeof e.kid, span_str(k->kid)) ||
	    !span_copy(e.jwk, sizeof e.jwk, span_str(k->jwk)))
		return MM_ERR_INVALID;
	TRY(log_append(c, &e));
	*seq = e.seq;
	return MM_OK;
}

static enum mm_err key_add(struct conn *c, void *arg)
{
	const struct key_change *k = arg;
	bool live, gone;
	uint64_t seq;
	TRY(key_known(c, k->kid, &live, &gone));
	if (gone)
		return MM_ERR_CONFLICT; /* a key that went never returns */
	if (live)
		return MM_OK;
	TRY(check_room(c));
	TRY(append_key_event(c, k, &seq));
	TRY(audit_key(c, k, "key.new"));
	AUTO_QUERY struct query q = query_new(c, ST_KEY_PUT);
	query_text(&q, k->kid);
	query_text(&q, k->jwk);
	query_int(&q, (int64_t)seq);
	query_int(&q, clock_now());
	return query_run(&q);
}

enum mm_err store_key_add(struct store *s, const char *kid, const char *jwk,
			  const struct stamp *stamp)
{
	struct key_change k = { kid, jwk, EVENT_KEY_NEW, stamp };
	return store_write(s, key_add, &k);
}

/* Nobody follows this: who verifies goes by what is signed. */
static enum mm_err key_signs(struct conn *c, void *arg)
{
	const struct key_change *k = arg;
	AUTO_QUERY struct query q = query_new(c, ST_KEY_SIGNS);
	query_text(&q, k->kid);
	query_int(&q, clock_now()); /* the other one's last moment */
	TRY(query_run(&q));
	return conn_changes(c) ? audit_key(c, k, "key.sign") : MM_OK;
}

enum mm_err store_key_signs(struct store *s, const char *kid,
			    const struct stamp *stamp)
{
	struct key_change k = { .kid = kid, .stamp = stamp };
	return store_write(s, key_signs, &k);
}

static enum mm_err key_gone(struct conn *c, void *arg)
{
	const struct key_change *k = arg;
	uint64_t seq;
	AUTO_QUERY struct query q = query_new(c, ST_KEY_GONE);
	query_text(&q, k->kid);
	TRY(query_run(&q));
	if (conn_changes(c) == 0)
		return MM_OK;
	TRY(audit_key(c, k,
		      k->type == EVENT_KEY_COMPROMISED ? "key.compromise"
						       : "key.retire"));
	return append_key_event(c, k, &seq);
}

enum mm_err store_key_gone(struct store *s, const char *kid, bool compromised,
			   const struct stamp *stamp)
{
	struct key_change k = { kid, "",
				compromised ? EVENT_KEY_COMPROMISED
					    : EVENT_KEY_RETIRED,
				stamp };
	return store_write(s, key_gone, &k);
}
