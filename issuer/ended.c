/* ended.c - a key of ours that another issuer on the store has ended. */
#include "issuer/ended.h"

#include "common/log.h"

enum mm_err ended_check(struct publisher *p, struct store *store,
			const struct jwk *key, struct why *why)
{
	const char *kid = jwk_kid(key);
	AUTO_JWK struct jwk *published = publisher_key(p, kid);
	AUTO_JWK struct jwk *former = NULL;
	if (published != NULL || store_former_key(store, kid, &former) != MM_OK)
		return MM_OK;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the key %s, by which this mint signs, was retired or "
		       "compromised at another one on its store, and nobody "
		       "takes what it signs: ask another mint, or have this "
		       "one's administrator run mintmark doctor on its host",
		       kid);
}

void ended_log(const struct jwk *key, enum mm_err was, enum mm_err is)
{
	const char *kid = jwk_kid(key);
	if (is == MM_OK || was == is)
		return;
	log_event(LOG_ERR, "keys.ended",
		  "kid=%s detail=another issuer on this store has retired or "
		  "compromised the key that signs here: nothing is minted, and "
		  "nobody takes what is signed; copy the keys from that issuer "
		  "and send SIGHUP (keys/README.md, Several issuers), or take "
		  "it out here, too: mintmark key compromise %s%s",
		  kid, kid[0] == '-' ? "-- " : "", kid);
}
