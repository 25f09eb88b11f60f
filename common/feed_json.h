/* feed_json.h - what the readers and writers of the feed's JSON share. */
#ifndef MM_COMMON_FEED_JSON_H
#define MM_COMMON_FEED_JSON_H

#include <jansson.h>

#include "common/buf.h"
#include "common/duration.h"
#include "common/feed.h"

static inline void feed_json_drop_at(json_t **v)
{
	json_decref(*v);
}
#define AUTO_JSON __attribute__((cleanup(feed_json_drop_at)))

/* One JSON object, without duplicate members, of at most `max` bytes.  The
 * caller owns *out. */
MM_MUST_USE enum mm_err feed_json_parse(struct span text, size_t max,
					json_t **out);

/* A member of an object, MM_ERR_MALFORMED if it is missing, of another type
 * or out of range.  Texts are not empty and fit; arrays are borrowed. */
MM_MUST_USE enum mm_err feed_json_int(const json_t *o, const char *name,
				      int64_t min, int64_t max, int64_t *out);
MM_MUST_USE enum mm_err feed_json_str(const json_t *o, const char *name,
				      char *out, size_t size);
MM_MUST_USE enum mm_err feed_json_span(const json_t *o, const char *name,
				       struct span *out);
MM_MUST_USE enum mm_err feed_json_array(const json_t *o, const char *name,
					const json_t **out);

/* "fixed" and "auto_refresh"; NULL and 0 if there is no such kind. */
const char *list_kind_name(enum list_kind kind);
enum list_kind list_kind_of(const char *name);

/* The members that batch and snapshot begin with: iss, iat, ttl, epoch,
 * after (batch only) and seq.  Written bare, without braces. */
MM_MUST_USE enum mm_err feed_head_write(const struct feed_head *head,
					bool with_after, struct buf *out);
MM_MUST_USE enum mm_err feed_head_read(const json_t *o, bool with_after,
				       struct feed_head *out);

/* One event, parsed. */
MM_MUST_USE enum mm_err event_from_json(const json_t *o, struct event *out);

#endif
