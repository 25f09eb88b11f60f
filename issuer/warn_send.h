/* warn_send.h - the thread that warns of tokens near their end.
 *
 * What is due is asked of the store (store_ending()), and what was delivered
 * is said to it, in one transaction with the audit: there is no other memory
 * of it.  So a warning comes at least once, and one whose delivery was not
 * written down, for a crash, comes again under the same id.
 */
#ifndef MM_ISSUER_WARN_SEND_H
#define MM_ISSUER_WARN_SEND_H

#include "issuer/signing.h"

struct warner;

/* What it points to must outlive the warner. */
struct warn_options {
	struct store *store;
	struct signing *signing;
	const char *iss;
	const char *before;  /* as warn_read() has it */
	const char *webhook; /* URL; "": none */
	const char *command; /* path; "": none */
	int64_t retry;	     /* seconds of the first pause after a failure */
};

/* MM_ERR_INVALID with the setting's name. */
MM_MUST_USE enum mm_err warner_check(const struct warn_options *opt,
				     struct why *why);
/* *out is NULL where nobody is to be warned. */
MM_MUST_USE enum mm_err warner_start(const struct warn_options *opt,
				     struct warner **out, struct why *why);
/* Within a second: what is being delivered then is broken off.  NULL is
 * allowed; frees. */
void warner_stop(struct warner *w);

#endif
