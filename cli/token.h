/* token.h - what the token commands share. */
#ifndef MM_CLI_TOKEN_H
#define MM_CLI_TOKEN_H

#include "cli/args.h"
#include "cli/client.h"

/* Is it the public id of a token ("3.4711")?  The text never gets into the
 * sentence: people paste the token itself. */
MM_MUST_USE enum mm_err token_id_check(const char *text, struct why *why);

/* The mint, for the ids in a->operand: where one is self, it is asked by that
 * token, also if a socket is nearer. */
MM_MUST_USE enum mm_err token_client(struct client *c, const struct args *a,
				     struct why *why);

/* The tokens that which->user, status (active) and kid choose, the newest
 * first: each(ctx, list) for a page at a time. */
typedef enum mm_err token_page(void *ctx, const json_t *tokens);
MM_MUST_USE enum mm_err token_pages(struct client *c, const struct args *which,
				    token_page *each, void *ctx,
				    struct why *why);

#endif
