/* sweep.h - what time does to tokens and lists, once a second; and what waits
 * so long to be written down, or to be said of a stolen key. */
#ifndef MM_ISSUER_SWEEP_H
#define MM_ISSUER_SWEEP_H

#include "issuer/publish.h"
#include "issuer/refusals.h"
#include "issuer/sightings.h"
#include "issuer/signing.h"

struct sweeper;

struct sweep_options {
	struct store *store;
	struct sightings *sightings;
	struct refusals *refusals;
	struct publisher *publisher; /* need not be started */
	struct signing *signing;     /* whose stolen keys are to be said */
	const char *data;	     /* whose DATA/newest is kept */
	int64_t max_life;	     /* lists are announced this far ahead */
	int64_t feed_retain;	     /* events are kept this long */
	bool keep_addresses;	     /* else those of before are forgotten */
};

/* Lists are announced at once (before the first token), and addresses
 * forgotten, as far as that is soon done; then the thread. */
MM_MUST_USE enum mm_err sweeper_start(const struct sweep_options *opt,
				      struct sweeper **out, struct why *why);
void sweeper_stop(struct sweeper *s); /* NULL is allowed; frees */

#endif
