/* reply.c - rows of the store as JSON. */
#include "issuer/reply.h"

#include <stdlib.h>

#include "common/duration.h"
#include "common/json_heap.h"
#include "issuer/optional.h"

json_t *time_json(int64_t t)
{
	char text[32];
	if (t == 0)
		return json_null();
	date_write(text, t);
	return json_string(text);
}

/* "a b c" as a list; null when the claim is absent. */
static json_t *words_json(const char *words, bool present)
{
	return present ? json_words(words) : json_null();
}

/* What it is now: the stored status, and what time and its key's end have
 * done. */
static const char *status_word(const struct token_row *t, int64_t now)
{
	if (t->status == TOKEN_REVOKED)
		return "revoked";
	if (now >= t->exp)
		return "expired";
	if (t->status == TOKEN_IDLE ||
	    now >= effective_expiry(t->iat, t->exp, t->auto_refresh,
				    t->last_use))
		return "idle";
	if (t->status == TOKEN_SUSPENDED)
		return "suspended";
	return t->key_gone ? mm_err_word(MM_ERR_UNKNOWN_KEY) : "active";
}

int64_t token_dies_at(const struct token_row *t)
{
	int64_t dies =
		effective_expiry(t->iat, t->exp, t->auto_refresh, t->last_use);
	return t->revoke_at != 0 && t->revoke_at < dies ? t->revoke_at : dies;
}

/* The hour that it was seen in, or the very time where that is known. */
static int64_t used_at(const struct token_row *t)
{
	return t->seen_at > t->last_use ? t->seen_at : t->last_use;
}

/* Where it was seen, if that is of its last use; else null. */
static json_t *where_json(const struct token_row *t, const char *where)
{
	bool last = t->seen_at >= seen_hour(t->last_use);
	return last && where[0] != '\0' ? json_string(where) : json_null();
}

json_t *token_json(const struct token_row *t, int64_t now)
{
	char id[JTI_SIZE];
	token_id_write(id, t->list, t->idx);
	json_t *window =
		t->auto_refresh ? json_integer(t->auto_refresh) : json_null();
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o,"
		" s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:b}",
		"id", id, "user", t->user, "label", t->label, "model",
		t->auto_refresh ? "auto_refresh" : "fixed", "status",
		status_word(t, now), "scopes",
		words_json(t->scope, t->has_scope), "audience",
		words_json(t->audience, t->audience[0] != '\0'), "cidr",
		words_json(t->cidr, t->cidr[0] != '\0'), "issued_at",
		time_json(t->iat), "expires_at", time_json(t->exp),
		"auto_refresh", window, "dies_at", time_json(token_dies_at(t)),
		"last_used_at", time_json(used_at(t)), "last_used_door",
		where_json(t, t->seen_door), "last_used_from",
		where_json(t, t->seen_from), "created_by", t->created_by,
		"changed_by", t->changed_by, "key", t->kid, "changed_at",
		time_json(t->changed_at), "replaced", t->revoke_at != 0);
}

json_t *status_json(const char *iss, uint32_t list, uint32_t idx)
{
	json_t *uri = json_sprintf("%s/s/%u", iss, list);
	return json_pack("{s:{s:I, s:o}}", "status_list", "idx",
			 (json_int_t)idx, "uri", uri);
}

enum mm_err reply_json(struct http_request *rq, unsigned status, json_t *body)
{
	char *text = json_heap_dump(body, JSON_COMPACT);
	json_decref(body);
	if (text == NULL)
		return MM_ERR_NOMEM;
	enum mm_err e =
		http_reply(rq, status, "application/json", span_str(text));
	explicit_bzero(text, strlen(text)); /* a new token may be in it */
	free(text);
	return e;
}
