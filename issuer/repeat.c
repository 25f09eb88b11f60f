/* repeat.c - see repeat.h.  Keys are hashed at once: whoever knows one can
 * have an answer again, so they are in no log and no database. */
#include "issuer/repeat.h"

#include <openssl/evp.h>

#include "common/base64url.h"

#define HEADER	"Idempotency-Key"
#define KEY_MAX 255
#define ALL_MAX 16384 /* what is hashed: the longest body, and room */

static bool is_key(const char *text)
{
	size_t n = strlen(text);
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7F)
			return false;
	return n >= 1 && n <= KEY_MAX;
}

/* Two texts, told apart: neither holds a NUL in front. */
static enum mm_err hash(const char *a, struct span b, char out[DIGEST_SIZE])
{
	AUTO_BUF struct buf both = buf_new(ALL_MAX);
	struct span all;
	uint8_t digest[32];
	buf_add(&both, span_of(a, strlen(a) + 1));
	buf_add(&both, b);
	TRY(buf_done(&both, &all));
	if (!EVP_Q_digest(NULL, "SHA256", NULL, all.at, all.len, digest, NULL))
		return MM_ERR_CRYPTO;
	out[base64url_encode(span_of(digest, sizeof digest), out, 43)] = '\0';
	return MM_OK;
}

enum mm_err repeat_reused(struct http_request *rq)
{
	return why_say(http_why(rq), MM_ERR_REUSED, HEADER,
		       "this " HEADER " was given with another request: take "
		       "a new one for each");
}

enum mm_err repeat_read(struct issuer *is, struct http_request *rq,
			const char *what, struct repeat *r,
			struct repeat **once)
{
	const char *key = http_header(rq, HEADER);
	*r = (struct repeat){ .before = false };
	*once = NULL;
	if (key == NULL)
		return MM_OK;
	if (!is_key(key))
		return why_say(http_why(rq), MM_ERR_INVALID, HEADER,
			       HEADER " is 1 to %d visible ASCII characters, "
				      "such as a UUID",
			       KEY_MAX);
	/* the actor has the id of his token: nobody else is called so */
	TRY(hash(caller_of(rq)->actor, span_str(key), r->name));
	TRY(hash(what, http_body_bytes(rq), r->request));
	*once = r;
	enum mm_err e = store_repeat(is->store, r);
	r->before = e == MM_OK;
	if (e == MM_ERR_REUSED)
		return repeat_reused(rq);
	return e == MM_ERR_NOT_FOUND ? MM_OK : e;
}
