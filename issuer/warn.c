/* warn.c - which tokens are to be warned of, and in which words. */
#include "issuer/warn.h"

#include <stdlib.h>

#include "common/duration.h"
#include "common/ending.h"
#include "common/json_heap.h"
#include "issuer/reply.h"

/* ---- the setting ---- */

static enum mm_err add(struct warn_before *b, struct span word, struct why *why)
{
	int64_t seconds;
	struct why inner = { .text = "" };
	if (duration_read(word, &seconds, &inner) != MM_OK)
		return why_say(why, MM_ERR_INVALID, "warn_before",
			       "warn_before: %s", inner.text);
	if (b->count == WARN_THRESHOLDS)
		return why_say(why, MM_ERR_INVALID, "warn_before",
			       "warn_before has at most %d durations",
			       WARN_THRESHOLDS);
	size_t i = b->count++;
	for (; i > 0 && b->at[i - 1] >= seconds; i--) {
		if (b->at[i - 1] == seconds)
			return why_say(why, MM_ERR_INVALID, "warn_before",
				       "warn_before says the same twice");
		b->at[i] = b->at[i - 1];
	}
	b->at[i] = seconds;
	return MM_OK;
}

enum mm_err warn_read(const char *text, struct warn_before *out,
		      struct why *why)
{
	struct span rest = span_str(text), word;
	out->count = 0;
	while (span_cut(&rest, ' ', &word))
		TRY(add(out, word, why));
	return text[0] == '\0' ? MM_OK : add(out, rest, why);
}

/* ---- deciding ---- */

static int64_t dies_at(const struct token_row *t)
{
	return effective_expiry(t->iat, t->exp, t->auto_refresh, t->last_use);
}

int64_t warn_end(const struct token_row *t, int64_t before)
{
	return ending_for(dies_at(t), t->exp, t->auto_refresh, before);
}

/* Suspended: it opens nothing, and nobody misses it.  Rotated, and still good
 * for the overlap: there is another one already. */
static bool is_in_use(const struct token_row *t, int64_t now)
{
	return t->status == TOKEN_VALID && t->revoke_at == 0 &&
	       now < dies_at(t);
}

int64_t warn_due(const struct warn_before *before, const struct token_row *t,
		 int64_t now)
{
	if (!is_in_use(t, now))
		return 0;
	for (size_t i = 0; i < before->count; i++) {
		int64_t b = before->at[i];
		if (t->warned != 0 && t->warned <= b)
			return 0;
		if (t->exp - t->iat > b && warn_end(t, b) - now <= b)
			return b;
	}
	return 0;
}

/* ---- saying ---- */

void warn_id(const struct token_row *t, int64_t before, char out[WARN_ID_SIZE])
{
	char id[JTI_SIZE];
	token_id_write(id, t->list, t->idx);
	snprintf(out, WARN_ID_SIZE, "%s-%lld-%lld", id,
		 (long long)warn_end(t, before), (long long)before);
}

static json_t *warning_json(const struct token_row *t, int64_t before,
			    const char *iss, int64_t now)
{
	char id[JTI_SIZE], name[WARN_ID_SIZE];
	token_id_write(id, t->list, t->idx);
	warn_id(t, before, name);
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I}",
		"event", "token.expires", "iss", iss, "iat", (json_int_t)now,
		"jti", name, "id", id, "user", t->user, "label", t->label,
		"model", t->auto_refresh ? "auto_refresh" : "fixed",
		"expires_at", time_json(dies_at(t)), "limit_at",
		time_json(t->exp), "last_used_at", time_json(t->last_use),
		"before", (json_int_t)before);
}

enum mm_err warn_write(const struct token_row *t, int64_t before,
		       const char *iss, int64_t now, struct buf *out)
{
	struct span text;
	json_t *warning = warning_json(t, before, iss, now);
	char *line = json_heap_dump(warning, JSON_COMPACT);
	json_decref(warning);
	if (line == NULL)
		return MM_ERR_NOMEM;
	buf_str(out, line);
	free(line);
	return buf_done(out, &text);
}
