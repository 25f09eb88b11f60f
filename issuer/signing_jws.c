/* signing_jws.c - what the keys in force sign; and what is said when one does
 * not. */
#include "common/jws.h"
#include "common/log.h"
#include "issuer/counts.h"
#include "issuer/signing.h"

enum mm_err signing_jws(const struct jwk *key, const char *typ,
			struct span payload, struct buf *out, struct why *why)
{
	enum mm_err e = jws_sign(key, typ, payload, out);
	if (e != MM_OK)
		count_sign_failed(typ);
	if (e != MM_ERR_UNAVAILABLE)
		return e;
	log_event(LOG_ERR, "keys.sign_failed",
		  "kid=%s typ=%s detail=its PKCS#11 token does not answer; "
		  "when it does again, restart mintmarkd",
		  jwk_kid(key), typ);
	return why_say(why, e, NULL,
		       "the key %s does not sign now: its PKCS#11 token does "
		       "not answer",
		       jwk_kid(key));
}

enum mm_err signing_probe(struct signing *s)
{
	AUTO_BUF struct buf jws = buf_new(4096);
	AUTO_JWK struct jwk *key = signing_key(s);
	return jws_sign(key, "mintmark-probe+jwt", span_str("{}"), &jws);
}
