/* attack.h - a verifier that knows a key of each algorithm, an attacker with
 * one of his own, and the one question of these tests: what do all the doors
 * of the library answer to this token?  They must answer alike, the first
 * time and the second, whether they remember tokens or not. */
#ifndef MM_TESTS_ATTACK_H
#define MM_TESTS_ATTACK_H

#include "tests/unit/forge.h"
#include "tests/unit/verify_desk.h"

#define KEYS 3 /* ES256 (the desk's own), EdDSA, RS256 */

struct scene {
	struct desk d;
	struct mm_verifier *forgetful; /* the same state, without a cache */
	struct jwk *key[KEYS];
	struct jwk *theirs; /* ES256, the attacker's */
};

/* The same each time, as making an RSA key takes long.  The program's. */
static inline struct jwk *made_key(enum jwk_alg alg)
{
	static struct jwk *made[JWK_RS256 + 1];
	if (made[alg] == NULL)
		assert_ok(jwk_generate(alg, &made[alg]));
	return jwk_hold(made[alg]);
}

static inline void scene_begin(struct scene *s, struct mm_options opt)
{
	static const enum jwk_alg others[] = { JWK_EDDSA, JWK_RS256 };
	desk_begin(&s->d, opt);
	s->key[0] = jwk_hold(s->d.m.key);
	for (size_t i = 0; i < ROWS(others); i++) {
		s->key[i + 1] = made_key(others[i]);
		assert_ok(jwk_set_add(&s->d.m.r.keys, s->key[i + 1]));
	}
	assert_ok(jwk_generate(JWK_ES256, &s->theirs));
	desk_publish(&s->d);
	mm_close(s->d.v); /* another one, with no file to change for */
	opt.flags |= MM_NO_CACHE;
	desk_open(&s->d, opt);
	s->forgetful = s->d.v;
	opt.flags &= ~(unsigned)MM_NO_CACHE;
	desk_open(&s->d, opt);
}

static inline void scene_end(struct scene *s)
{
	mm_close(s->forgetful);
	for (size_t i = 0; i < KEYS; i++)
		jwk_drop(s->key[i]);
	jwk_drop(s->theirs);
	desk_end(&s->d);
}

/* The same for all tests of a program, which leave it as it is. */
static inline int scene_set_up(void **state)
{
	static struct scene s;
	scene_begin(&s, (struct mm_options){ 0 });
	*state = &s;
	return 0;
}

static inline int scene_tear_down(void **state)
{
	scene_end(*state);
	return 0;
}

/* By one of the public doors. */
static inline enum mm_err by_door(struct mm_verifier *v, int door,
				  struct span t, struct mm_token *out)
{
	const struct mm_client from = { .address = "192.0.2.7" };
	const char *text = (const char *)t.at;
	switch (door) {
	case 0:
		return mm_verify(v, text, t.len, out);
	case 1:
		return mm_verify_user(v, "alice", text, t.len, out);
	default:
		return mm_verify_client(v, &from, text, t.len, out);
	}
}

/* What they all say; *out is of the last one.  The token lies at the end of
 * its memory, where the address sanitizer sees who reads beyond it. */
static inline enum mm_err answer_with(const struct scene *s, const char *what,
				      struct span token, struct mm_token *out)
{
	struct mm_verifier *const v[] = { s->d.v, s->forgetful };
	uint8_t *alone = malloc(token.len + !token.len);
	enum mm_err first = MM_OK;
	assert_non_null(alone);
	if (token.len != 0)
		memcpy(alone, token.at, token.len);
	for (int i = 0; i < 12; i++) {
		struct mm_token before;
		memset(out, 0xA5, sizeof *out);
		before = *out;
		enum mm_err e = by_door(v[i % 2], i / 2 % 3,
					span_of(alone, token.len), out);
		first = i == 0 ? e : first;
		expect(what, e, first);
		if (e != MM_OK && memcmp(out, &before, sizeof before) != 0)
			fail_msg("%s: refused, and told all the same", what);
	}
	free(alone);
	return first;
}

static inline enum mm_err answer(const struct scene *s, const char *what,
				 struct span token)
{
	struct mm_token t;
	return answer_with(s, what, token, &t);
}

/* Refused for its form or for its signature, whichever is looked at first. */
static inline void refuse_forged(const struct scene *s, const char *what,
				 struct span token)
{
	enum mm_err e = answer(s, what, token);
	if (e != MM_ERR_MALFORMED && e != MM_ERR_BAD_SIGNATURE)
		fail_msg("%s: %s", what, mm_reason(e));
}

/* ---- tokens ---- */

#define GOOD_HEADER "{\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"JWT\"}"

/* A good token's claims, with `more` at their end: ",\"a\":1". */
#define CLAIMS_WITH(more)                                                      \
	"{\"iss\":\"" ISS "\",\"sub\":\"alice\",\"iat\":1790000000,"           \
	"\"exp\":1792592000,\"jti\":\"1.0\",\"status\":{\"status_list\":{"     \
	"\"idx\":0,\"uri\":\"" ISS "/s/1\"}}" more "}"

/* header.payload, still unsigned, in *b, which owns it. */
static inline void draft(struct buf *b, const char *header,
			 const struct jwk *named, struct span payload)
{
	*b = buf_new(4u << 20);
	add_header(b, header, named);
	buf_str(b, ".");
	base64url_add(b, payload);
}

/* The good claims under any header, signed by `signer`, who may be somebody
 * else than the one who is named. */
static inline struct span under_header(struct buf *b, const char *header,
				       const struct jwk *named,
				       const struct jwk *signer)
{
	draft(b, header, named, span_str(CLAIMS_WITH("")));
	add_signature(b, signer);
	return done(b);
}

/* Any claims, signed as they should be. */
static inline struct span with_claims(struct buf *b, const struct jwk *k,
				      struct span claims)
{
	draft(b, GOOD_HEADER, k, claims);
	add_signature(b, k);
	return done(b);
}

/* The draft in *b, and any bytes as its signature. */
static inline struct span with_bytes(struct buf *b, struct span signature)
{
	buf_str(b, ".");
	base64url_add(b, signature);
	return done(b);
}

#endif
