/* policy.h - the house's rules for tokens, from its settings.
 *
 * Pure: a row, the settings, and a sentence that names the rule.  They hold
 * for everybody, administrators included, and for rotation as for minting:
 * a token that may not be made any more is not made again either.
 */
#ifndef MM_ISSUER_POLICY_H
#define MM_ISSUER_POLICY_H

#include "issuer/issuer.h"

/* Are the settings of the rules such as can be kept? */
MM_MUST_USE enum mm_err policy_settle(const struct issuer_settings *set,
				      struct why *why);

/* May this token be made?  MM_ERR_FORBIDDEN with the field's name: the
 * window, the scopes or the audience are against a rule. */
MM_MUST_USE enum mm_err policy_check(const struct issuer_settings *set,
				     const struct token_row *t,
				     struct why *why);

/* May `minter`, who is no administrator, make tokens for `user`?
 * MM_ERR_FORBIDDEN. */
MM_MUST_USE enum mm_err policy_may_mint(const struct issuer_settings *set,
					const char *minter, const char *user,
					struct why *why);

#endif
