/* options.h - what a line of /etc/pam.d tells the module. */
#ifndef MM_VERIFIER_PAM_OPTIONS_H
#define MM_VERIFIER_PAM_OPTIONS_H

#include "common/error.h"
#include "common/span.h"

#define OPTIONS_SCOPES 16

/* The texts are those of argv. */
struct options {
	const char *state;
	const char *audience; /* NULL: do not ask */
	const char *user_map; /* NULL: a login is its token's user */
	const char *scope[OPTIONS_SCOPES];
	size_t scopes;
	int64_t max_staleness; /* seconds; 0: as the agent was told */
};

/* Every word must be a known option with a value of its form, or it is
 * MM_ERR_INVALID: a misspelt "scope" must not open a door. */
MM_MUST_USE enum mm_err options_read(int argc, const char **argv,
				     struct options *out, struct why *why);

#endif
