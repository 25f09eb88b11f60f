/* explain.h - what keeps the mint from its work, in words for whoever asked it
 * for something.
 *
 * That may be a stranger: nothing of where the store is, or of what it said.
 * The log has that.
 */
#ifndef MM_ISSUER_EXPLAIN_H
#define MM_ISSUER_EXPLAIN_H

#include "issuer/store.h"

/* What is wrong and what to do: a sentence without its end, to be put behind
 * "nothing was changed: ". */
const char *explain(struct store *store, enum mm_err e);

/* http_options.explain */
void issuer_explain(void *app, enum mm_err e, struct why *why);

#endif
