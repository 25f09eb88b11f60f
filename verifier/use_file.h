/* use_file.h - what the issuer is to hear of yet, on disk, so that a restart
 * loses nothing: the table of uses, and which tokens were seen.
 *
 * It is read whole or not at all, and there is room for tables that are full.
 */
#ifndef MM_VERIFIER_USE_FILE_H
#define MM_VERIFIER_USE_FILE_H

#include "common/use_format.h"
#include "verifier/use_table.h"

#define USE_FILE_SLICE (128u << 10)
_Static_assert(sizeof(struct use_file_token) +
			       USE_CHAIN_MAX * sizeof(int64_t) <=
		       USE_FILE_SLICE,
	       "a slice has at least one of the longest chains");

struct use_tables {
	struct use_table *uses;
	struct seen_table *seen;
};

/* How long will it be, about? */
size_t use_file_size(struct use_tables t);
/* The file's text, piece by piece, so that the tables may change in between:
 *
 *	use_file_begin(&text, iss, use_file_size(t));
 *	for (size_t left = SIZE_MAX; left != 0 && use_file_room(&text);)
 *		left = use_file_uses(&text, t, left);
 *	use_file_seen(&text, t);
 *	if (use_file_end(&text) != MM_OK) ...
 *
 * A chain that changes meanwhile is there as it was or as it is, or twice: the
 * later one counts.  A new one may be missing: `changed` is for the next. */
void use_file_begin(struct buf *out, const char *iss, size_t about);
/* Room for what use_file_uses() adds, so that it need not allocate any. */
bool use_file_room(struct buf *out);
/* Add some of those below `left`; how many are left? */
size_t use_file_uses(struct buf *out, const struct use_table *t, size_t left);
void use_file_seen(struct buf *out, const struct seen_table *t);
/* What makes it whole. */
MM_MUST_USE enum mm_err use_file_end(struct buf *out);

/* Fill empty tables with what the file holds.  MM_ERR_NOT_FOUND; MM_ERR_INVALID
 * if it is not ours, of another issuer or version, or damaged: then they stay
 * empty. */
MM_MUST_USE enum mm_err use_file_load(struct use_tables t, const char *path,
				      const char *iss, struct why *why);

#endif
