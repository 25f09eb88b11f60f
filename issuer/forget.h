/* forget.h - what the store keeps no longer: old events, requests that were to
 * be done once, and addresses where they are not to be kept. */
#ifndef MM_ISSUER_FORGET_H
#define MM_ISSUER_FORGET_H

#include "issuer/store_forget.h"
#include "issuer/trouble.h"

/* Of the sweeper's things each has one, here and in sweep.c. */
#define TROUBLE_SWEEP(what) TROUBLE_OF("sweep.failed", "sweep.good", what)

enum { FORGET_REPEATS, FORGET_EVENTS, FORGET_ADDRESSES, FORGETS };

struct forget {
	struct store *store;
	int64_t feed_retain;	 /* events are kept this long */
	bool keep_addresses;	 /* if not, also those of before go */
	bool due[FORGETS];	 /* some may be left */
	bool begun, ended;	 /* said of addresses */
	struct token_place seen; /* behind it there may be addresses */
};

/* Go on where some were left; `slow`: look whether there are others.  What is
 * old is left alone while the clock is not `steady`.  Takes some moments, even
 * if millions are to go.  What cannot be forgotten is said in the log. */
void forget_round(struct forget *f, int64_t now, bool steady, bool slow);

#endif
