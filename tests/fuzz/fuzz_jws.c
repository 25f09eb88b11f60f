/* fuzz_jws.c - a whole token, checked with keys whose private halves nobody
 * has.  So every token that verifies is known beforehand: the golden ones,
 * and ECDSA's twin of the first; and each of those must verify.
 *
 * Besides, a token has one spelling: each of its parts that can be decoded
 * is what its bytes encode to, the three parts are all of the token, and
 * jansson reads the same three members in the header.
 */
#include "common/jws.h"

#include <jansson.h>
#include <openssl/bn.h>

#include "tests/fuzz/fuzz.h"

/* The order of P-256 (SEC 2 s2.4.2). */
#define ORDER "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

/* A key, and every token that it ever signed. */
static struct signer {
	const char *name;
	struct jwk *key;
	struct buf token;
	struct buf twin; /* ES256 only */
} signers[] = {
	{ .name = "golden-es256" },
	{ .name = "golden-eddsa" },
	{ .name = "golden-rs256" },
};
enum { SIGNERS = sizeof signers / sizeof signers[0] };

/* ---- what is signed ---- */

/* A file of tests/vectors, without its last newline. */
static struct span read_vector(const char *name, const char *ending,
			       struct buf *b)
{
	char path[512];
	struct span s;
	*b = buf_new(TOKEN_MAX);
	snprintf(path, sizeof path, "%s/%s.%s", MM_VECTORS, name, ending);
	MM_ASSERT(buf_read_file(b, path, NULL) == MM_OK);
	MM_ASSERT(buf_done(b, &s) == MM_OK && s.len > 1);
	b->len--;
	return span_of(b->at, b->len);
}

/* With (r, s) goes (r, n - s): as good a signature of the same token, which
 * anybody can work out, and no third one.  So tokens are revoked by id,
 * never by hash. */
static void make_twin(struct signer *s)
{
	struct span token = span_of(s->token.at, s->token.len);
	uint8_t raw[64];
	size_t n;
	struct jws t;
	BIGNUM *order = NULL;
	MM_ASSERT(jws_split(token, &t) == MM_OK);
	MM_ASSERT(base64url_decode(t.signature, raw, 64, &n) == MM_OK);
	MM_ASSERT(n == 64 && BN_hex2bn(&order, ORDER) != 0);
	BIGNUM *v = BN_bin2bn(raw + 32, 32, NULL);
	MM_ASSERT(v && BN_sub(v, order, v) && BN_bn2binpad(v, raw + 32, 32));
	BN_free(v);
	BN_free(order);

	s->twin = buf_new(TOKEN_MAX);
	buf_add(&s->twin, span_of(token.at, token.len - t.signature.len));
	base64url_add(&s->twin, span_of(raw, sizeof raw));
	MM_ASSERT(s->twin.failed == MM_OK);
}

static void begin(void)
{
	for (struct signer *s = signers; s < signers + SIGNERS; s++) {
		AUTO_BUF struct buf jwk;
		struct span text = read_vector(s->name, "jwk", &jwk);
		MM_ASSERT(jwk_from_json(text, &s->key, NULL) == MM_OK);
		read_vector(s->name, "jws", &s->token);
		if (jwk_alg(s->key) == JWK_ES256)
			make_twin(s);
	}
}

static bool has_signed(const struct signer *s, struct span token)
{
	return span_eq(token, span_of(s->token.at, s->token.len)) ||
	       (s->twin.len != 0 &&
		span_eq(token, span_of(s->twin.at, s->twin.len)));
}

/* ---- one spelling ---- */

/* Decode into exactly the room that it takes, and encode it again.  The
 * bytes are the caller's to free; NULL: it cannot be decoded. */
static uint8_t *decode_and_back(struct span text, size_t *len)
{
	size_t size = text.len * 3 / 4;
	uint8_t *raw = malloc(size);
	MM_ASSERT(raw != NULL);
	if (base64url_decode(text, raw, size, len) != MM_OK) {
		free(raw);
		return NULL;
	}
	MM_ASSERT(*len == size && BASE64URL_LEN(size) == text.len);
	char *again = malloc(text.len);
	MM_ASSERT(again != NULL);
	size_t n = base64url_encode(span_of(raw, size), again, text.len);
	MM_ASSERT(span_eq(text, span_of(again, n)));
	free(again);
	return raw;
}

static void check_member(const json_t *all, const char *name, const char *got)
{
	const char *want = json_string_value(json_object_get(all, name));
	MM_ASSERT(want != NULL && !strcmp(got, want));
}

static void check_header(struct span text, const struct jws_header *h)
{
	size_t n;
	uint8_t *raw = decode_and_back(text, &n);
	MM_ASSERT(raw != NULL);
	json_auto_t *all =
		json_loadb((const char *)raw, n, JSON_REJECT_DUPLICATES, NULL);
	MM_ASSERT(json_is_object(all) && json_object_size(all) == 3);
	check_member(all, "alg", h->alg);
	check_member(all, "kid", h->kid);
	check_member(all, "typ", h->typ);
	free(raw);
}

static void check_split(struct span token, const struct jws *t)
{
	const uint8_t *end = token.at + token.len;
	size_t n;
	MM_ASSERT(t->signing_input.at == token.at);
	MM_ASSERT(t->signing_input.at + t->signing_input.len + 1 ==
		  t->signature.at);
	MM_ASSERT(t->payload.at + t->payload.len + 1 == t->signature.at);
	MM_ASSERT(t->signature.at + t->signature.len == end);
	MM_ASSERT(t->payload.at[-1] == '.' && t->signature.at[-1] == '.');

	check_header(span_of(token.at, (size_t)(t->payload.at - token.at) - 1),
		     &t->header);
	free(decode_and_back(t->payload, &n));
	free(decode_and_back(t->signature, &n));
}

/* ---- the property ---- */

bool fuzz_one(struct span input)
{
	struct jws t;
	bool any = false;
	if (signers[0].key == NULL)
		begin();
	bool split = jws_split(input, &t) == MM_OK;
	if (split)
		check_split(input, &t);
	for (const struct signer *s = signers; s < signers + SIGNERS; s++) {
		bool good = split && jws_verify(&t, TYP_PAT, s->key) == MM_OK;
		MM_ASSERT(good == has_signed(s, input));
		any |= good;
	}
	return any;
}
