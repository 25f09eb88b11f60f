/* place.h - where the mint is (the order is in client.h), and whose token is
 * shown there. */
#ifndef MM_CLI_PLACE_H
#define MM_CLI_PLACE_H

#include "cli/client.h"

/* Each fills c->socket or c->url; MM_ERR_INVALID with the sentence. */
MM_MUST_USE enum mm_err place_find(struct client *c, const char *data,
				   struct why *why);
MM_MUST_USE enum mm_err place_find_self(struct client *c, struct why *why);
MM_MUST_USE enum mm_err place_find_data(struct client *c, const char *data,
					struct why *why);

/* Does a mintmarkd have that data folder?  It holds the lock of its store from
 * before it reads the keys until it signs no more. */
bool place_is_held(const char *data);

#define STATE_STANDARD "/run/mintmark/state"

/* MINTMARK_TOKEN, or NULL. */
const char *place_token(void);

#endif
