/* doctor_keys_gone.h - keys of a mint that are gone, or ought to be. */
#ifndef MM_CLI_DOCTOR_KEYS_GONE_H
#define MM_CLI_DOCTOR_KEYS_GONE_H

#include "cli/doctor.h"
#include "cli/key.h"

/* Keys that the mint uses, and that another issuer on its store has ended. */
void keys_gone_ended(const struct key_place *p, json_t *all);
/* Does the mark say so, whether the key is gone or there? */
bool keys_gone_stolen(const struct key_place *p, const char *kid);
/* One that the mint has, and the folder not: added to `keys`. */
void keys_gone_missing(const struct key_place *p, const struct keyring *ring,
		       json_t *keys, json_t *all);
/* It left the ring, and was not said to be gone: a stolen key took the others
 * with it, or the store had no room. */
void keys_gone_published(const struct key_place *p, const struct keyring *ring,
			 json_t *all);
/* True: there are none where the mint has begun, and that is said.  What is not
 * there for a mint that is to begin its start makes. */
bool keys_gone_all(const struct key_place *p, json_t *all);

#endif
