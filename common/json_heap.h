/* json_heap.h - JSON read or written by jansson, or not at all.
 *
 * Where jansson 2.14 has no memory for more of a text, it goes on without those
 * characters: "alice@example.org" that is read can become "alice@exmple.org",
 * and "scope" that is written, as a name, "", and nobody is told.  So our
 * programs watch its allocations, and take nothing from a text that one of them
 * failed for.  (A library may not: how jansson allocates is
 * the program's to say.  What libmintmark reads so is held to hashes and to
 * what it knows already.)
 */
#ifndef MM_COMMON_JSON_HEAP_H
#define MM_COMMON_JSON_HEAP_H

#include <jansson.h>

#include "common/buf.h"

/* Once, before jansson is used and before threads start.  `end` is free(), or
 * what wipes first. */
void json_heap_watch(void (*end)(void *));

/* json_loadb(): MM_ERR_NOMEM, MM_ERR_MALFORMED.  *out is the caller's; `error`
 * may be NULL. */
MM_MUST_USE enum mm_err json_heap_load(struct span text, json_t **out,
				       json_error_t *error);

/* json_dumps(); the caller's to free.  NULL where this thread had no memory for
 * all of it, also while `v` was made: that is, since json_heap_begin() or the
 * dump before this one.  So who adds a member need not ask whether it got in.
 * NULL for NULL. */
MM_MUST_USE char *json_heap_dump(const json_t *v, size_t flags);

/* What failed on this thread until now was for something else. */
void json_heap_begin(void);

/* For a library that goes on with NULL where there was no memory, and crashes:
 * this much is set aside, and given to the first allocation of this thread that
 * fails and to those behind it.  False: there is not so much. */
MM_MUST_USE bool json_heap_spare(size_t n);
void json_heap_spare_end(void);

#endif
