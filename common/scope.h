/* scope.h - what a token may do.  PROTOCOL.md section 3.
 *
 * A scope is a list of words separated by single spaces.  `type:id:perm`
 * with exactly three parts and perm r, w or rw is a resource scope; any
 * other legal word is a named scope, matched whole.
 * Legal characters are those of RFC 6749 s3.3 (0x21 0x23-5B 5D-7E); an
 * empty part ("node::r") is refused, and so is a three-part word whose
 * last part is made of r, w, x, d letters only but is no permission
 * ("node:1:rwx"): it was meant as one.
 */
#ifndef MM_COMMON_SCOPE_H
#define MM_COMMON_SCOPE_H

#include "common/error.h"
#include "common/span.h"

enum { SCOPE_READ = 1, SCOPE_WRITE = 2 };
#define SCOPE_ID_SIZE 1024 /* longer ids match nothing */

struct scope_word {
	struct span whole;
	struct span type, id; /* resource scopes only */
	unsigned perm;	      /* 0: a named scope */
};

/* Check one word, and take it apart.  MM_ERR_INVALID says what is wrong. */
MM_MUST_USE enum mm_err
scope_word_read(struct span word, struct scope_word *out, struct why *why);
/* Check a whole scope text (one or more words). */
MM_MUST_USE enum mm_err scope_check(struct span scope, struct why *why);

/* Does `scope` hold the named scope? */
bool scope_has(struct span scope, struct span name);
/* The permissions that `scope` gives on any of ids[0..n) of this type,
 * united (a folder's scope covers what is inside it: the caller passes the
 * resource's ancestors too). */
unsigned scope_perms(struct span scope, struct span type,
		     const char *const *ids, size_t n);
/* Does `scope` cover `need`, a named scope or type:id:perm? */
bool scope_covers(struct span scope, struct span need);

#endif
