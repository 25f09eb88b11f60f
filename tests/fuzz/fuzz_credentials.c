/* fuzz_credentials.c - the Authorization header beside OpenSSL's base64,
 * which shares no code with ours: what we take as Basic is what it encodes
 * the user, a colon and the token to, and nothing else is.
 */
#include "verifier/agent/credentials.h"

#include <openssl/evp.h>
#include <strings.h>

#include "tests/fuzz/fuzz.h"

/* The text behind "Basic", if that is the scheme. */
static const char *basic_text(const char *header)
{
	if (strncasecmp(header, "Basic ", 6) != 0)
		return NULL;
	return header + 6 + strspn(header + 6, " ");
}

static void check_basic(const struct credentials *c, const char *text)
{
	uint8_t pair[CREDENTIALS_SIZE + 1];
	char encoded[2 * CREDENTIALS_SIZE];
	size_t user = strlen(c->user);
	memcpy(pair, c->user, user);
	pair[user] = ':';
	if (c->token.len != 0)
		memcpy(pair + user + 1, c->token.at, c->token.len);
	MM_ASSERT(memchr(c->user, ':', user) == NULL);
	EVP_EncodeBlock((uint8_t *)encoded, pair,
			(int)(user + 1 + c->token.len));
	MM_ASSERT(strcmp(encoded, text) == 0);
}

/* What OpenSSL decodes, and encodes back to the same, has a colon before
 * any NUL, and fits, we must take. */
static bool should_take(const char *text)
{
	static uint8_t pair[CREDENTIALS_SIZE * 2];
	static char again[CREDENTIALS_SIZE * 2];
	size_t len = strlen(text), padding = 0;
	if (len == 0 || len % 4 != 0 || len / 4 * 3 > CREDENTIALS_SIZE - 1)
		return false;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	int n = EVP_DecodeBlock(pair, (const uint8_t *)text, (int)len);
	if (n < 0)
		return false;
	n -= (int)padding;
	EVP_EncodeBlock((uint8_t *)again, pair, n);
	const uint8_t *colon = memchr(pair, ':', (size_t)n);
	return strcmp(again, text) == 0 && colon != NULL &&
	       memchr(pair, '\0', (size_t)(colon - pair)) == NULL;
}

bool fuzz_one(struct span input)
{
	char header[3 * CREDENTIALS_SIZE];
	struct credentials c;
	if (!span_copy(header, sizeof header, input))
		return false;
	const char *text = basic_text(header);
	bool good = credentials_read(header, &c) == MM_OK;
	if (text == NULL) {
		MM_ASSERT(!good || (c.user == NULL && c.used == 0));
	} else {
		MM_ASSERT(good == should_take(text));
		if (good)
			check_basic(&c, text);
	}
	credentials_wipe(&c);
	return good;
}
