/* with_libjwt.c - libjwt 1.x, used as its manual says; the key is PEM.
 *
 * libjwt mints our tokens where it can, but by issuer/mint.c, which may be
 * wrong in ways that agree with the rest of Mintmark.  This is the library by
 * itself.
 */
#include <errno.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "tests/interop/library.h"

static bool refused(const char *what, int error)
{
	fprintf(stderr, "libjwt: %s: %s\n", what, strerror(error));
	return false;
}

/* NULL is a failure. */
static bool print(char *text)
{
	if (text == NULL)
		return refused("no text", errno);
	puts(text);
	free(text);
	return true;
}

bool library_verify(const struct text *key, const struct text *token)
{
	jwt_t *jwt = NULL;
	int error = jwt_decode(&jwt, token->at, (const unsigned char *)key->at,
			       (int)key->len);
	if (error != 0)
		return refused("decode", error);
	bool printed = print(jwt_get_grants_json(jwt, NULL));
	jwt_free(jwt);
	return printed;
}

static int fill(jwt_t *jwt, const struct text *key, const struct head *head,
		const struct text *payload)
{
	jwt_alg_t alg = jwt_str_alg(head->alg);
	if (alg == JWT_ALG_INVAL)
		return EINVAL;
	int error = jwt_set_alg(jwt, alg, (const unsigned char *)key->at,
				(int)key->len);
	if (error == 0)
		error = jwt_add_header(jwt, "kid", head->kid);
	if (error == 0)
		error = jwt_add_header(jwt, "typ", head->typ);
	return error ? error : jwt_add_grants_json(jwt, payload->at);
}

bool library_sign(const struct text *key, const struct head *head,
		  const struct text *payload)
{
	jwt_t *jwt = NULL;
	if (jwt_new(&jwt) != 0)
		return refused("new", ENOMEM);
	int error = fill(jwt, key, head, payload);
	bool printed = error == 0 ? print(jwt_encode_str(jwt))
				  : refused("fill", error);
	jwt_free(jwt);
	return printed;
}
