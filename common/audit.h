/* audit.h - the audit's lines, and the chain that they make.
 *
 * A line is one JSON object without white space, and says the hash of the
 * line before it: who changes, drops or inserts one has to rewrite all that
 * follow, and does not match any more what others have noted of them.
 *
 *	{"seq":2,"at":"2026-11-28T10:00:00Z","event":"token.revoke",
 *	 "by":"alice (token 3.7)","id":"3.7","user":"alice",
 *	 "address":"192.0.2.7","request":"89abcdef00000012",
 *	 "before":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}
 *
 * What does not apply is left out; the first line has no `before`.  Never a
 * token, a key or a password.
 */
#ifndef MM_COMMON_AUDIT_H
#define MM_COMMON_AUDIT_H

#include "common/buf.h"

#define AUDIT_LINE_MAX	  16384
#define AUDIT_DIGEST_SIZE 44 /* SHA-256 in base64url, and NUL */

/* Texts that are NULL or "" and times that are 0 are left out. */
struct audit_entry {
	uint64_t seq; /* from 1, without gaps */
	int64_t at;
	const char *event;     /* "token.mint" */
	const char *by;	       /* "alice (token 3.7)", "local uid 0" */
	const char *id, *user; /* the token concerned, and whose it is */
	const char *key;       /* the key concerned */
	const char *label, *scope, *audience, *cidr; /* what was granted */
	int64_t expires_at, auto_refresh;
	const char *detail;
	const char *address, *request; /* of who asked */
	const char *before;	       /* digest of the line before */
};

/* Append the line to *out, without a newline. */
MM_MUST_USE enum mm_err audit_write(const struct audit_entry *e,
				    struct buf *out);
MM_MUST_USE enum mm_err audit_digest(struct span line,
				     char out[AUDIT_DIGEST_SIZE]);

/* How far a chain has been followed.  All 0: not begun; it may then begin
 * at any line. */
struct audit_chain {
	uint64_t seq;			/* of the last line */
	char digest[AUDIT_DIGEST_SIZE]; /* of the same */
};

/* Follow it by one line (without its newline).  MM_ERR_MALFORMED: that is
 * not the line that was written next; why says what is wrong with it. */
MM_MUST_USE enum mm_err audit_chain_take(struct audit_chain *c,
					 struct span line, struct why *why);

#endif
