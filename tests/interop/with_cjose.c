/* with_cjose.c - cjose, used as its headers say; the key is a JWK. */
#include <cjose/cjose.h>
#include <string.h>

#include "tests/interop/library.h"

static bool refused(const char *what, const cjose_err *err)
{
	fprintf(stderr, "cjose: %s: %s\n", what, err->message);
	return false;
}

static bool print_payload(cjose_jws_t *jws, const cjose_jwk_t *key)
{
	cjose_err err;
	uint8_t *payload;
	size_t len;
	if (!cjose_jws_verify(jws, key, &err))
		return refused("verify", &err);
	if (!cjose_jws_get_plaintext(jws, &payload, &len, &err))
		return refused("payload", &err);
	return fwrite(payload, 1, len, stdout) == len;
}

static bool verify(const cjose_jwk_t *key, const struct text *token)
{
	cjose_err err;
	cjose_jws_t *jws = cjose_jws_import(token->at, token->len, &err);
	if (jws == NULL)
		return refused("import", &err);
	bool good = print_payload(jws, key);
	cjose_jws_release(jws);
	return good;
}

static cjose_jwk_t *read_key(const struct text *key)
{
	cjose_err err;
	cjose_jwk_t *jwk = cjose_jwk_import(key->at, key->len, &err);
	if (jwk == NULL)
		refused("key", &err);
	return jwk;
}

bool library_verify(const struct text *key, const struct text *token)
{
	cjose_jwk_t *jwk = read_key(key);
	bool good = jwk != NULL && verify(jwk, token);
	cjose_jwk_release(jwk);
	return good;
}

static bool print_signed(const cjose_jwk_t *key, cjose_header_t *header,
			 const struct text *payload)
{
	cjose_err err;
	const char *text; /* the JWS's own */
	cjose_jws_t *jws = cjose_jws_sign(
		key, header, (const uint8_t *)payload->at, payload->len, &err);
	if (jws == NULL)
		return refused("sign", &err);
	bool done = cjose_jws_export(jws, &text, &err);
	if (done)
		puts(text);
	cjose_jws_release(jws);
	return done || refused("export", &err);
}

static cjose_header_t *make_header(const struct head *head)
{
	cjose_err err;
	cjose_header_t *made = cjose_header_new(&err);
	if (made == NULL || !cjose_header_set(made, "alg", head->alg, &err) ||
	    !cjose_header_set(made, "kid", head->kid, &err) ||
	    !cjose_header_set(made, "typ", head->typ, &err))
		refused("header", &err);
	return made;
}

bool library_sign(const struct text *key, const struct head *head,
		  const struct text *payload)
{
	cjose_jwk_t *jwk = read_key(key);
	cjose_header_t *header = make_header(head);
	bool good = jwk != NULL && header != NULL &&
		    print_signed(jwk, header, payload);
	cjose_header_release(header);
	cjose_jwk_release(jwk);
	return good;
}
