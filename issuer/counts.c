/* counts.c - where what was done is counted. */
#include "issuer/counts.h"

#include "common/feed.h"
#include "common/jws.h"

struct issuer_counts issuer_counts;

const char *const count_typ[SIGNED_TYPS] = { TYP_PAT,	      TYP_ACCESS,
					     TYP_STATUS_LIST, TYP_FEED,
					     TYP_SNAPSHOT,    TYP_WARNING };

void count_sign_failed(const char *typ)
{
	for (size_t i = 0; i < SIGNED_TYPS; i++)
		if (strcmp(count_typ[i], typ) == 0)
			counter_add(&issuer_counts.sign_failed[i], 1);
}
