/* feed_json.c - the feed's JSON by member: typed, in range, or refused.
 *
 * Feed objects are signed, but a stolen or careless signer is no reason to
 * crash: sizes are capped before parsing, integers are integers.  Members
 * that we do not know are ignored, so that the feed can grow.
 */
#include "common/feed_json.h"

#include "common/history.h"
#include "common/json_heap.h"
#include "common/text.h"

enum mm_err feed_json_parse(struct span text, size_t max, json_t **out)
{
	if (text.len > max)
		return MM_ERR_TOO_LARGE;
	if (text.len == 0)
		return MM_ERR_MALFORMED;
	AUTO_JSON json_t *v = NULL;
	TRY(json_heap_load(text, &v, NULL));
	if (!json_is_object(v))
		return MM_ERR_MALFORMED;
	*out = json_incref(v);
	return MM_OK;
}

enum mm_err feed_json_int(const json_t *o, const char *name, int64_t min,
			  int64_t max, int64_t *out)
{
	const json_t *v = json_object_get(o, name);
	if (!json_is_integer(v)) /* 1e300 and 1.7e9 are reals */
		return MM_ERR_MALFORMED;
	*out = json_integer_value(v);
	return *out >= min && *out <= max ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err feed_json_span(const json_t *o, const char *name, struct span *out)
{
	const json_t *v = json_object_get(o, name);
	if (!json_is_string(v))
		return MM_ERR_MALFORMED;
	*out = span_of(json_string_value(v), json_string_length(v));
	return MM_OK;
}

enum mm_err feed_json_str(const json_t *o, const char *name, char *out,
			  size_t size)
{
	struct span s;
	TRY(feed_json_span(o, name, &s));
	return s.len != 0 && span_copy(out, size, s) ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err feed_json_array(const json_t *o, const char *name,
			    const json_t **out)
{
	*out = json_object_get(o, name);
	return json_is_array(*out) ? MM_OK : MM_ERR_MALFORMED;
}

/* ---- kinds of lists ---- */

static const char *const kinds[] = {
	[LIST_FIXED] = "fixed",
	[LIST_AUTO_REFRESH] = "auto_refresh",
};

const char *list_kind_name(enum list_kind kind)
{
	return kind >= LIST_FIXED && kind <= LIST_AUTO_REFRESH ? kinds[kind]
							       : NULL;
}

enum list_kind list_kind_of(const char *name)
{
	for (unsigned k = LIST_FIXED; k <= LIST_AUTO_REFRESH; k++)
		if (strcmp(kinds[k], name) == 0)
			return (enum list_kind)k;
	return (enum list_kind)0;
}

/* ---- the head ---- */

static enum mm_err add_string(const char *text, struct buf *out)
{
	size_t n;
	for (struct span s = span_str(text); s.len != 0;
	     s = span_of(s.at + n, s.len - n))
		if ((n = text_char_length(s)) == 0)
			return MM_ERR_INVALID; /* not UTF-8 */
	text_json(out, span_str(text));
	return MM_OK;
}

enum mm_err feed_head_write(const struct feed_head *head, bool with_after,
			    struct buf *out)
{
	buf_str(out, "\"iss\":");
	TRY(add_string(head->iss, out));
	buf_fmt(out,
		",\"iat\":%lld,\"ttl\":%lld,\"epoch\":", (long long)head->iat,
		(long long)head->ttl);
	TRY(add_string(head->epoch, out));
	if (with_after)
		buf_fmt(out, ",\"after\":%llu",
			(unsigned long long)head->after);
	buf_fmt(out, ",\"seq\":%llu", (unsigned long long)head->seq);
	if (with_after && head->more)
		buf_str(out, ",\"more\":true");
	if (head->history[0] != '\0')
		buf_fmt(out, ",\"history\":\"%s\"", head->history);
	return out->failed;
}

/* Optional: only a batch that was cut short has it. */
static enum mm_err read_more(const json_t *o, bool *out)
{
	const json_t *v = json_object_get(o, "more");
	*out = json_is_true(v);
	return v == NULL || json_is_boolean(v) ? MM_OK : MM_ERR_MALFORMED;
}

/* Optional: issuers of before say none. */
static enum mm_err read_history(const json_t *o, char out[HISTORY_SIZE])
{
	if (json_object_get(o, "history") == NULL)
		return MM_OK;
	TRY(feed_json_str(o, "history", out, HISTORY_SIZE));
	return history_is_one(out) ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err feed_head_read(const json_t *o, bool with_after,
			   struct feed_head *out)
{
	struct feed_head h = { .iss = "" };
	int64_t after = 0, seq;
	TRY(feed_json_str(o, "iss", h.iss, sizeof h.iss));
	TRY(feed_json_int(o, "iat", 0, DATE_MAX, &h.iat));
	TRY(feed_json_int(o, "ttl", 0, DURATION_MAX, &h.ttl));
	TRY(feed_json_str(o, "epoch", h.epoch, sizeof h.epoch));
	TRY(feed_json_int(o, "seq", 0, INT64_MAX, &seq));
	if (with_after)
		TRY(feed_json_int(o, "after", 0, seq, &after));
	if (with_after)
		TRY(read_more(o, &h.more));
	TRY(read_history(o, h.history));
	h.after = (uint64_t)after;
	h.seq = (uint64_t)seq;
	*out = h;
	return MM_OK;
}
