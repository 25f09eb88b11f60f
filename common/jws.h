/* jws.h - the one strict reader of compact JWS (RFC 7515), and its writer.
 *
 * The header's members are exactly alg, kid and typ; anything else ("crit",
 * "jwk", "jku", "b64" ...) is refused by not being in the table.  The
 * header never chooses anything: alg is compared with the key's, typ with
 * what the caller wants (RFC 8725 s3.1, s3.11).
 */
#ifndef MM_COMMON_JWS_H
#define MM_COMMON_JWS_H

#include "common/jwk.h"

#define TOKEN_MAX      4096 /* no PAT is longer, whatever was allowed */
#define TOKEN_PORTABLE 511  /* PAM_MAX_RESP_SIZE - 1 */

#define TYP_PAT		"JWT"
#define TYP_ACCESS	"at+jwt" /* RFC 9068 s2.1 */
#define TYP_STATUS_LIST "statuslist+jwt"
#define TYP_FEED	"mintmark-feed+jwt"
#define TYP_SNAPSHOT	"mintmark-snapshot+jwt"
#define TYP_WARNING	"mintmark-warning+jwt"

struct jws_header {
	char alg[16];
	char kid[64];
	char typ[32];
};

/* A split token: spans into the caller's bytes. */
struct jws {
	struct jws_header header;
	struct span signing_input; /* header.payload, as received */
	struct span payload;	   /* base64url */
	struct span signature;	   /* base64url */
};

/* Split and read the header.  No signature is checked. */
MM_MUST_USE enum mm_err jws_split(struct span token, struct jws *out);

/* Is it signed by `key`, and of kind `typ`?  MM_ERR_BAD_SIGNATURE if the
 * signature or the alg is not the key's, MM_ERR_MALFORMED if typ differs. */
MM_MUST_USE enum mm_err jws_verify(const struct jws *t, const char *typ,
				   const struct jwk *key);

/* jws_split, the key by its kid (MM_ERR_UNKNOWN_KEY), jws_verify, and the
 * payload decoded into *payload. */
MM_MUST_USE enum mm_err jws_open(struct span token, const char *typ,
				 const struct jwk_set *keys,
				 struct buf *payload);

/* Sign payload: the compact serialization is appended to *out. */
MM_MUST_USE enum mm_err jws_sign(const struct jwk *key, const char *typ,
				 struct span payload, struct buf *out);

#endif
