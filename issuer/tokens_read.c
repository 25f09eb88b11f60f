/* tokens_read.c - looking: one token, pages of tokens, users. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/query.h"
#include "issuer/caller.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"
#include "issuer/warn.h"

/* "self" is the token that asks. */
static enum mm_err read_id(struct http_request *rq, uint32_t *list,
			   uint32_t *idx)
{
	const char *id = http_arg(rq, 0);
	if (strcmp(id, "self") != 0)
		return token_id_read(span_str(id), list, idx) == MM_OK
			       ? MM_OK
			       : why_say(http_why(rq), MM_ERR_INVALID, "id",
					 "an id looks like 3.4711 (the jti of "
					 "the token)");
	*list = caller_of(rq)->list;
	*idx = caller_of(rq)->idx;
	return *list != 0 ? MM_OK
			  : why_say(http_why(rq), MM_ERR_INVALID, "id",
				    "self is the token that asks, and over "
				    "admin.sock none does: say its id");
}

enum mm_err token_of_path(struct issuer *is, struct http_request *rq,
			  struct token_row *out)
{
	uint32_t list, idx;
	TRY(read_id(rq, &list, &idx));
	enum mm_err e = store_get(is->store, list, idx, out);
	if (e == MM_OK)
		e = caller_owns(rq, out->user);
	if (e == MM_ERR_NOT_FOUND)
		return why_say(http_why(rq), e, "id", "there is no token %u.%u",
			       list, idx);
	return e;
}

enum mm_err token_show(void *app, struct http_request *rq)
{
	struct token_row t;
	TRY(token_of_path(app, rq, &t));
	return reply_json(rq, 200, token_json(&t, clock_now()));
}

/* ---- pages ---- */

/* clang-format off */
static const char *const filters[] = {
	[FILTER_ACTIVE] = "active",
	[FILTER_REVOKED] = "revoked",
	[FILTER_SUSPENDED] = "suspended",
	[FILTER_EXPIRED] = "expired",
	[FILTER_UNKNOWN_KEY] = "unknown_key",
	[FILTER_ALL] = "all",
};
/* clang-format on */

static enum mm_err read_filter(struct http_request *rq, enum token_filter *out)
{
	const char *word = http_query(rq, "status");
	*out = FILTER_ALL;
	if (word == NULL)
		return MM_OK;
	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
		if (strcmp(word, filters[i]) == 0) {
			*out = (enum token_filter)i;
			return MM_OK;
		}
	return why_say(http_why(rq), MM_ERR_INVALID, "status",
		       "status is one of active, revoked, suspended, "
		       "expired, unknown_key, all");
}

/* A cursor is "iat.list.idx" of the last token seen (or "ends.list.idx").
 * Callers treat it as a word without meaning. */
static enum mm_err read_cursor(struct http_request *rq, struct token_query *q)
{
	const char *text = http_query(rq, "cursor");
	struct span rest, iat;
	char digits[24], *end;
	if (text == NULL)
		return MM_OK;
	rest = span_str(text);
	if (span_cut(&rest, '.', &iat) &&
	    span_copy(digits, sizeof digits, iat) &&
	    token_id_read(rest, &q->after_list, &q->after_idx) == MM_OK) {
		q->after_iat = strtoll(digits, &end, 10);
		if (*end == '\0' && digits[0] >= '0' && digits[0] <= '9')
			return MM_OK;
	}
	return why_say(http_why(rq), MM_ERR_INVALID, "cursor",
		       "cursor must be a next_cursor of the page before");
}

struct page {
	json_t *items;
	size_t count, limit;
	int64_t now;
	uint64_t expiring; /* seconds; 0: ordered by iat */
	char cursor[64];
};

/* One row more than the page shows tells whether there is a next page. */
static void add_token(void *ctx, const struct token_row *t)
{
	struct page *p = ctx;
	if (p->count++ >= p->limit)
		return;
	json_array_append_new(p->items, token_json(t, p->now));
	snprintf(p->cursor, sizeof p->cursor, "%lld.%u.%u",
		 (long long)(p->expiring ? warn_end(t, (int64_t)p->expiring)
					 : t->iat),
		 t->list, t->idx);
}

static enum mm_err reply_page(struct http_request *rq, const char *name,
			      struct page *p)
{
	json_t *next =
		p->count > p->limit ? json_string(p->cursor) : json_null();
	return reply_json(
		rq, 200,
		json_pack("{s:o, s:o}", name, p->items, "next_cursor", next));
}

/* Those that a warning would be due for, the soonest first. */
static enum mm_err query_expiring(struct store *s, const struct token_query *q,
				  struct page *p)
{
	const struct ending_query e = { .now = q->now,
					.before = (int64_t)p->expiring,
					.user = q->user,
					.limit = q->limit,
					.after_ends = q->after_iat,
					.after_list = q->after_list,
					.after_idx = q->after_idx };
	return store_ending(s, &e, add_token, p);
}

static enum mm_err read_expiring(struct http_request *rq,
				 const struct token_query *q, uint64_t *out)
{
	TRY(query_number(rq, "expiring", 1, DURATION_MAX, out));
	if (*out == 0 ||
	    (q->text == NULL && q->kid == NULL &&
	     (http_query(rq, "status") == NULL || q->filter == FILTER_ACTIVE)))
		return MM_OK;
	return why_say(http_why(rq), MM_ERR_INVALID, "expiring",
		       "expiring is for active tokens, and goes with no other "
		       "choice than user");
}

enum mm_err token_list(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	const struct caller *by = caller_of(rq);
	struct page p = { .now = clock_now() };
	struct token_query q = { .user = http_query(rq, "user"),
				 .text = http_query(rq, "q"),
				 .kid = http_query(rq, "key"),
				 .now = p.now };
	TRY(read_filter(rq, &q.filter));
	TRY(read_expiring(rq, &q, &p.expiring));
	TRY(query_limit(rq, &p.limit));
	TRY(read_cursor(rq, &q));
	if (!by->admin && q.user == NULL)
		q.user = by->user;
	if (q.user != NULL && caller_owns(rq, q.user) != MM_OK)
		return why_say(http_why(rq), MM_ERR_FORBIDDEN, "user",
			       "only an administrator lists the tokens of "
			       "others");

	q.limit = p.limit + 1;
	p.items = json_array();
	enum mm_err e = p.expiring ? query_expiring(is->store, &q, &p)
				   : store_query(is->store, &q, add_token, &p);
	if (e != MM_OK) {
		json_decref(p.items);
		return e;
	}
	return reply_page(rq, "tokens", &p);
}

/* ---- users ---- */

static void add_user(void *ctx, const struct user_row *u)
{
	struct page *p = ctx;
	if (p->count++ >= p->limit)
		return;
	json_array_append_new(p->items,
			      json_pack("{s:s, s:I, s:I}", "user", u->user,
					"active_tokens", (json_int_t)u->active,
					"tokens", (json_int_t)u->total));
}

enum mm_err user_list(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct page p = { .now = clock_now() };
	const char *after = http_query(rq, "cursor");
	TRY(query_limit(rq, &p.limit));
	p.items = json_array();
	struct user_query q = { .text = http_query(rq, "q"),
				.after = after ? after : "",
				.limit = p.limit + 1,
				.now = p.now };
	enum mm_err e = store_users(is->store, &q, add_user, &p);
	if (e != MM_OK) {
		json_decref(p.items);
		return e;
	}
	/* the cursor is the last name shown */
	json_t *last = json_array_get(p.items, json_array_size(p.items) - 1);
	const char *name = json_string_value(json_object_get(last, "user"));
	json_t *next =
		p.count > p.limit && name ? json_string(name) : json_null();
	return reply_json(
		rq, 200,
		json_pack("{s:o, s:o}", "users", p.items, "next_cursor", next));
}
