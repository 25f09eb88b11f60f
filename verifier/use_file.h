/* use_file.h - what the issuer is to hear of yet, on disk, so that a restart
 * loses nothing: the table of uses, and which tokens were seen.
 *
 *	{"version":1,"iss":"https://...","tokens":[
 *	 {"id":"3.4711","iat":1790000000,"exp":1821536000,"window":2592000,
 *	  "sent":0,"latest":1790400000,"at":[1790400000]}, ...],
 *	 "seen":[
 *	 {"id":"2.17","hour":1790398800,"door":"http","from":"192.0.2.7"}, ...]}
 *
 * Earlier agents have no "seen", and pass over it.
 */
#ifndef MM_VERIFIER_USE_FILE_H
#define MM_VERIFIER_USE_FILE_H

#include "common/seen.h"
#include "verifier/use_table.h"

#define USE_FILE_MAX (64u << 20)

struct use_tables {
	struct use_table *uses;
	struct seen_table *seen;
};

/* The file's text; file_replace() does the rest.  Uses come first: what was
 * seen is left out where there is no room. */
MM_MUST_USE enum mm_err use_file_write(struct use_tables t, const char *iss,
				       struct buf *out);
/* Add what the file holds.  MM_ERR_NOT_FOUND; MM_ERR_INVALID if it is not
 * ours, of another issuer, or damaged (the tables may hold part of it). */
MM_MUST_USE enum mm_err use_file_load(struct use_tables t, const char *path,
				      const char *iss, struct why *why);

#endif
