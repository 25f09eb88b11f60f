/* use_file.h - the table of uses on disk, so that a restart loses none.
 *
 *	{"version":1,"iss":"https://...","tokens":[
 *	 {"id":"3.4711","iat":1790000000,"exp":1821536000,"window":2592000,
 *	  "sent":0,"latest":1790400000,"at":[1790400000]}, ...]}
 */
#ifndef MM_VERIFIER_USE_FILE_H
#define MM_VERIFIER_USE_FILE_H

#include "verifier/use_table.h"

#define USE_FILE_MAX (64u << 20)

/* The file's text; file_replace() does the rest. */
MM_MUST_USE enum mm_err use_file_write(const struct use_table *t,
				       const char *iss, struct buf *out);
/* Add what the file holds.  MM_ERR_NOT_FOUND; MM_ERR_INVALID if it is not
 * ours, of another issuer, or damaged (the table may hold part of it). */
MM_MUST_USE enum mm_err use_file_load(struct use_table *t, const char *path,
				      const char *iss, struct why *why);

#endif
