/* sightings.h - tokens that are used at this issuer's own API, until they
 * are written down: a call does not wait for the disk because of that. */
#ifndef MM_ISSUER_SIGHTINGS_H
#define MM_ISSUER_SIGHTINGS_H

#include "common/claims.h"
#include "issuer/store.h"

struct sightings;

struct sightings *sightings_new(void);	  /* NULL: no memory */
void sightings_free(struct sightings *s); /* NULL is allowed */

/* The token is good and used now, from this address ("": not to be kept);
 * the issuer knows of its use at `last_use`.  Any thread. */
void sightings_add(struct sightings *s, const struct claims *c,
		   int64_t last_use, const char *from, int64_t now);
/* Write them down: when and where, and what keeps a token alive.  What cannot
 * be written waits for the next time. */
MM_MUST_USE enum mm_err sightings_save(struct sightings *s, struct store *store,
				       int64_t now);

#endif
