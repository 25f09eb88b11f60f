/* me.c - GET /v1/me: who asks, what he may do here, and what the forms of
 * who asks have to know. */
#include "common/clock.h"
#include "common/scope.h"
#include "issuer/body.h"
#include "issuer/caller.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"

/* Durations in seconds, the others in bytes or a count: at most. */
static json_t *limits_json(const struct issuer_settings *set)
{
	return json_pack("{s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "max_life",
			 (json_int_t)set->max_life, "user", USER_SIZE - 1,
			 "label", LABEL_SIZE - 1, "scopes", SCOPE_SIZE - 1,
			 "scope_count", BODY_TEXTS, "audience", AUD_SIZE - 1,
			 "audience_count", BODY_TEXTS, "token", TOKEN_PORTABLE);
}

static json_t *words_json(const struct setting_texts *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++) {
		struct span rest = span_str(list->at[i]), word;
		while (span_word(&rest, &word))
			if (word.len != 0)
				json_array_append_new(
					all, json_stringn((const char *)word.at,
							  word.len));
	}
	return all;
}

static json_t *count_json(int64_t n)
{
	return n ? json_integer(n) : json_null(); /* 0: no rule */
}

/* The rules of the house (policy.h), so that a form need not find them out
 * one refusal at a time. */
static json_t *rules_json(const struct issuer_settings *set)
{
	return json_pack(
		"{s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "default_life",
		count_json(set->default_life), "max_window",
		count_json(set->max_window), "max_tokens",
		count_json(set->max_tokens), "require_scopes",
		set->require_scopes, "self_service", set->self_service,
		"allowed_scopes", words_json(&set->allowed_scopes),
		"forbidden_scopes", words_json(&set->forbidden_scopes),
		"allowed_audiences", words_json(&set->allowed_audiences));
}

static json_t *session_json(int64_t ends)
{
	return ends ? json_pack("{s:o}", "expires_at", time_json(ends))
		    : json_null();
}

/* Over admin.sock nobody's token asks: its members are null. */
static json_t *token_part(const struct token_row *t, int64_t now)
{
	static const char *const names[] = {
		"id", "label", "model", "scopes", "expires_at", "dies_at"
	};
	json_t *all = t ? token_json(t, now) : NULL, *part = json_object();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_t *v = json_object_get(all, names[i]);
		json_object_set_new(part, names[i],
				    v ? json_incref(v) : json_null());
	}
	json_decref(all);
	return part;
}

static bool is_self(const struct caller *by, const struct token_row *t)
{
	return t != NULL && by->user[0] != '\0' &&
	       (!t->has_scope ||
		scope_has(span_str(t->scope), span_str("mintmark:self")));
}

enum mm_err reply_me(struct issuer *is, struct http_request *rq, int64_t ends)
{
	const struct caller *by = caller_of(rq);
	struct token_row row, *t = NULL;
	if (by->list != 0) {
		TRY(store_get(is->store, by->list, by->idx, &row));
		t = &row;
	}
	json_t *me = token_part(t, clock_now());
	json_t *more = json_pack(
		"{s:o, s:b, s:b, s:o, s:s, s:o, s:o}", "user",
		by->user[0] ? json_string(by->user) : json_null(), "admin",
		by->admin, "self", is_self(by, t), "session",
		session_json(ends), "issuer", is->set.issuer, "limits",
		limits_json(&is->set), "rules", rules_json(&is->set));
	if (more == NULL || json_object_update_missing(me, more) != 0) {
		json_decref(me);
		me = NULL;
	}
	json_decref(more);
	return reply_json(rq, 200, me);
}

enum mm_err me_get(void *app, struct http_request *rq)
{
	return reply_me(app, rq, caller_of(rq)->session);
}
