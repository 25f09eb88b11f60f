/* header.c - a token's header names a key of ours and a kind, and nothing
 * that it says brings a key, a place to fetch one from, or another meaning. */
#include <fcntl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "common/feed.h"
#include "tests/attacks/attack.h"
#include "tests/attacks/locked.h"

#define GOOD "\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"JWT\""

/* How many signatures were looked at. */
static atomic_int checked;
enum mm_err __real_signature_check(const struct jwk *key, struct span input,
				   struct span raw);
enum mm_err __wrap_signature_check(const struct jwk *key, struct span input,
				   struct span raw);
enum mm_err __wrap_signature_check(const struct jwk *key, struct span input,
				   struct span raw)
{
	atomic_fetch_add(&checked, 1);
	return __real_signature_check(key, input, raw);
}

/* ---- asked where nothing outside can be reached ---- */

struct question {
	const struct scene *s;
	struct span token;
	enum mm_err said[2];
};

static void ask_both(void *arg)
{
	struct question *q = arg;
	struct mm_verifier *const v[] = { q->s->d.v, q->s->forgetful };
	const char *text = (const char *)q->token.at;
	struct mm_token t;
	for (int i = 0; i < 2; i++)
		q->said[i] = mm_verify(v[i], text, q->token.len, &t);
}

static void reach_out(void *arg)
{
	(void)arg;
	(void)!socket(AF_INET, SOCK_STREAM, 0);
	(void)!open("/dev/null", O_RDONLY);
}

/* The lock holds, or these tests were worth nothing. */
static void test_A6_reaching_out_is_seen(void **state)
{
	(void)state;
	assert_int_equal(locked(reach_out, NULL), 2);
}

/* Named as one of ours, signed by `signer`: refused, and nothing was opened,
 * asked or connected on the way. */
static void refuse_alone(const struct scene *s, const char *header,
			 const struct jwk *signer, enum mm_err want)
{
	AUTO_BUF struct buf b;
	struct question q = { .s = s };
	q.token = under_header(&b, header, s->key[0], signer);
	int reached = locked(ask_both, &q);
	if (reached != 0)
		fail_msg("%s: reached outside %d times", header, reached);
	expect(header, q.said[0], want);
	expect(header, q.said[1], want);
	expect(header, answer(s, header, q.token), want);
}

/* By the attacker, as it would be, and by us, so that it is the header that
 * is refused and not the signature. */
static void refuse_headers(const struct scene *s, const char *const *headers,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		refuse_alone(s, headers[i], s->theirs, MM_ERR_MALFORMED);
		refuse_alone(s, headers[i], s->key[0], MM_ERR_MALFORMED);
	}
}

/* ---- A5, A6, A7: a header that brings its key ---- */

static void bring_key(const struct scene *s, const char *before)
{
	AUTO_BUF struct buf jwk = buf_new(1024);
	char header[640];
	const char *const one[] = { header };
	assert_ok(jwk_to_json(s->theirs, &jwk));
	struct span key = done(&jwk);
	snprintf(header, sizeof header, "{\"alg\":\"ES256\",%s\"jwk\":%.*s}",
		 before, (int)key.len, (const char *)key.at);
	refuse_headers(s, one, 1);
}

static void test_A5_embedded_jwk(void **state)
{
	const struct scene *s = *state;
	char their_kid[64];
	snprintf(their_kid, sizeof their_kid, "\"kid\":\"%s\",\"typ\":\"JWT\",",
		 jwk_kid(s->theirs));
	bring_key(s, "\"kid\":\"$\",\"typ\":\"JWT\",");
	bring_key(s, their_kid);
	bring_key(s, "\"typ\":\"JWT\",");
	bring_key(s, "");
	/* his key is nobody's, however well it has signed */
	AUTO_BUF struct buf b;
	expect("their kid",
	       answer(s, "their kid",
		      under_header(&b, GOOD_HEADER, s->theirs, s->theirs)),
	       MM_ERR_UNKNOWN_KEY);
}

static void test_A6_urls(void **state)
{
	static const char *const headers[] = {
		"{" GOOD ",\"jku\":\"http://169.254.169.254/\"}",
		"{" GOOD ",\"x5u\":\"http://169.254.169.254/\"}",
		"{" GOOD ",\"jku\":\"https://pat.example.org/jwks.json\"}",
		"{" GOOD ",\"jku\":\"file:///etc/passwd\"}",
		"{" GOOD ",\"jku\":\"http://[::1]:8470/\"}",
		"{" GOOD ",\"jku\":\"\"}",
		"{" GOOD ",\"x5u\":[\"https://evil.example\"]}",
		"{" GOOD ",\"url\":\"https://evil.example/\"}",
		"{\"alg\":\"@\",\"jku\":\"http://127.0.0.1/\"}",
	};
	refuse_headers(*state, headers, ROWS(headers));
}

/* A certificate of the attacker's for his own key, by himself. */
static void their_certificate(const struct scene *s, char out[1024])
{
	uint8_t der[700], *p = der;
	X509 *c = X509_new();
	X509_set_pubkey(c, jwk_evp(s->theirs));
	X509_gmtime_adj(X509_getm_notBefore(c), 0);
	X509_gmtime_adj(X509_getm_notAfter(c), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
				   (const uint8_t *)ISS, -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(c));
	assert_true(X509_sign(c, jwk_evp(s->theirs), EVP_sha256()) > 0);
	int n = i2d_X509(c, NULL);
	assert_in_range(n, 100, sizeof der);
	i2d_X509(c, &p);
	X509_free(c);
	EVP_EncodeBlock((uint8_t *)out, der, n);
}

static void test_A7_certificates(void **state)
{
	const struct scene *s = *state;
	static const char *const headers[] = {
		"{" GOOD ",\"x5c\":[\"MIIB\"]}",
		"{" GOOD ",\"x5c\":[]}",
		"{" GOOD ",\"x5c\":\"MIIB\"}",
		"{" GOOD ",\"x5t\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		"{" GOOD ",\"x5t#S256\":\"AAAA\"}",
	};
	char whole[1200], certificate[1024];
	const char *one[] = { whole };
	refuse_headers(s, headers, ROWS(headers));
	their_certificate(s, certificate);
	snprintf(whole, sizeof whole, "{" GOOD ",\"x5c\":[\"%s\"]}",
		 certificate);
	refuse_headers(s, one, 1);
	snprintf(whole, sizeof whole, "{\"alg\":\"ES256\",\"x5c\":[\"%s\"]}",
		 certificate);
	refuse_headers(s, one, 1);
}

/* ---- A8, A9: kids ---- */

#define KID(k) "{\"alg\":\"@\",\"kid\":" k ",\"typ\":\"JWT\"}"

static void test_A8_kids(void **state)
{
	const struct scene *s = *state;
	static const struct {
		const char *header;
		enum mm_err want;
	} rows[] = {
		{ KID("\"../../dev/null\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"/dev/null\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"/proc/self/environ\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"file:///etc/passwd\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"http://127.0.0.1/\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"' OR 1=1--\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"x' UNION SELECT 'AA\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"|id\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"$(id)`id`;id\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"%s%n%n\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"*\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"$ \""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"$$\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"$,$\""), MM_ERR_UNKNOWN_KEY },
		{ KID("\"$\\u0000\""), MM_ERR_MALFORMED },
		{ KID("\"\\u0000$\""), MM_ERR_MALFORMED },
		{ KID("0"), MM_ERR_MALFORMED },
		{ KID("-1"), MM_ERR_MALFORMED },
		{ KID("null"), MM_ERR_MALFORMED },
		{ KID("true"), MM_ERR_MALFORMED },
		{ KID("[]"), MM_ERR_MALFORMED },
		{ KID("[\"$\"]"), MM_ERR_MALFORMED },
		{ KID("{\"kid\":\"$\"}"), MM_ERR_MALFORMED },
		{ "{\"alg\":\"@\",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
		{ "{\"alg\":\"@\",\"KID\":\"$\",\"typ\":\"JWT\"}",
		  MM_ERR_MALFORMED },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		refuse_alone(s, rows[i].header, s->theirs, rows[i].want);
		refuse_alone(s, rows[i].header, s->key[0], rows[i].want);
	}
}

/* Up to 64 kB of it; what can be a kid at all is 63 bytes at most. */
static void test_A8_long_kids(void **state)
{
	static const size_t sizes[] = { 63, 64, 100, 192, 4096, 65536 };
	static char header[65536 + 64];
	for (size_t i = 0; i < ROWS(sizes); i++) {
		snprintf(header, sizeof header,
			 "{\"alg\":\"@\",\"kid\":\"%0*d\",\"typ\":\"JWT\"}",
			 (int)sizes[i], 0);
		refuse_alone(*state, header, ((struct scene *)*state)->key[0],
			     i == 0 ? MM_ERR_UNKNOWN_KEY : MM_ERR_MALFORMED);
	}
}

enum { FLOOD = 10000 };

struct flood {
	const struct scene *s;
	struct span rest; /* of a good token: .payload.signature */
	int wrong;
};

/* Another kid each time, in front of the same good payload. */
static void pour(void *arg)
{
	struct flood *f = arg;
	struct mm_token t;
	for (int i = 0; i < FLOOD; i++) {
		char header[80], token[1024];
		snprintf(header, sizeof header,
			 "{\"alg\":\"ES256\",\"kid\":\"%011d\",\"typ\":"
			 "\"JWT\"}",
			 i);
		size_t n = base64url_encode(span_str(header), token, 200);
		memcpy(token + n, f->rest.at, f->rest.len);
		n += f->rest.len;
		f->wrong += mm_verify(f->s->d.v, token, n, &t) !=
			    MM_ERR_UNKNOWN_KEY;
	}
}

/* Keys come with the feed, and with nothing else: whoever floods us with
 * kids makes us fetch none, and not even look at a signature. */
static void test_A9_flood(void **state)
{
	const struct scene *s = *state;
	AUTO_BUF struct buf b;
	struct span token = under_header(&b, GOOD_HEADER, s->key[0], s->key[0]);
	struct flood f = { .s = s, .rest = token };
	while (f.rest.at[0] != '.')
		f.rest = span_of(f.rest.at + 1, f.rest.len - 1);
	assert_in_range(f.rest.len, 200, 800);
	expect("a good one", answer(s, "a good one", token), MM_OK);
	atomic_store(&checked, 0);
	assert_int_equal(locked(pour, &f), 0);
	assert_int_equal(f.wrong, 0);
	assert_int_equal(atomic_load(&checked), 0);
	expect("a good one", answer(s, "a good one", token), MM_OK);
	assert_int_not_equal(atomic_load(&checked), 0); /* it does count */
}

/* ---- A19: crit, b64 ---- */

static void test_A19_crit(void **state)
{
	static const char *const headers[] = {
		"{" GOOD ",\"crit\":[\"x\"],\"x\":1}",
		"{" GOOD ",\"crit\":[\"x\"]}",
		"{" GOOD ",\"crit\":[]}",
		"{" GOOD ",\"crit\":\"exp\"}",
		"{" GOOD ",\"crit\":null}",
		"{" GOOD ",\"crit\":{\"exp\":1}}",
		"{" GOOD ",\"crit\":[\"alg\"]}",
		"{" GOOD ",\"crit\":[\"typ\",\"kid\"]}",
		"{" GOOD ",\"crit\":[\"exp\"],\"exp\":1}",
		"{" GOOD ",\"crit\":[1]}",
		"{" GOOD ",\"crit\":[\"b64\"],\"b64\":false}",
		"{" GOOD ",\"\\u0063rit\":[\"x\"]}",
	};
	refuse_headers(*state, headers, ROWS(headers));
}

/* RFC 7797: the payload as it is, signed so; and any other header member. */
static void test_A19_b64(void **state)
{
	const struct scene *s = *state;
	static const char *const headers[] = {
		"{" GOOD ",\"b64\":false}",
		"{" GOOD ",\"b64\":true}",
		"{" GOOD ",\"b64\":0}",
		"{" GOOD ",\"zip\":\"DEF\"}",
		"{" GOOD ",\"cty\":\"JWT\"}",
		"{" GOOD ",\"enc\":\"A256GCM\"}",
		"{" GOOD ",\"exp\":9999999999}",
		"{" GOOD ",\"\":0}",
	};
	refuse_headers(s, headers, ROWS(headers));
	AUTO_BUF struct buf b = buf_new(4096);
	add_header(&b, headers[0], s->key[0]);
	buf_str(&b, "." CLAIMS_WITH(""));
	add_signature(&b, s->key[0]);
	expect("unencoded", answer(s, "unencoded", done(&b)), MM_ERR_MALFORMED);
}

/* ---- A20: another kind ---- */

#define TYP(t) "{\"alg\":\"@\",\"kid\":\"$\",\"typ\":" t "}"

/* Good claims, signed by us, as what they are not. */
static void test_A20_kinds(void **state)
{
	static const char *const headers[] = {
		TYP("\"" TYP_FEED "\""),
		TYP("\"" TYP_SNAPSHOT "\""),
		TYP("\"" TYP_STATUS_LIST "\""),
		TYP("\"" TYP_WARNING "\""),
		TYP("\"" TYP_ACCESS "\""),
		TYP("\"jwt\""),
		TYP("\"application/jwt\""),
		TYP("\"JWT \""),
		TYP("\"JWT\\u0000\""),
		TYP("\"refresh+jwt\""),
		TYP("\"\""),
		TYP("null"),
		TYP("[\"JWT\"]"),
		"{\"alg\":\"@\",\"kid\":\"$\"}",
		"{\"alg\":\"@\",\"kid\":\"$\",\"cty\":\"JWT\"}",
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < ROWS(headers); i++)
		refuse_alone(s, headers[i], s->key[0], MM_ERR_MALFORMED);
}

/* What the issuer really signs besides tokens. */
static void test_A20_feed_objects(void **state)
{
	const struct scene *s = *state;
	static const char *const typs[] = { TYP_FEED, TYP_SNAPSHOT, TYP_PAT };
	for (size_t i = 0; i < ROWS(typs); i++) {
		AUTO_BUF struct buf payload = buf_new(1 << 20);
		AUTO_BUF struct buf b = buf_new(1 << 20);
		assert_ok(snapshot_write(&s->d.m.r, T0, 60, &payload));
		assert_ok(jws_sign(s->key[0], typs[i], done(&payload), &b));
		expect(typs[i], answer(s, typs[i], done(&b)), MM_ERR_MALFORMED);
	}
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A5_embedded_jwk),
		cmocka_unit_test(test_A6_reaching_out_is_seen),
		cmocka_unit_test(test_A6_urls),
		cmocka_unit_test(test_A7_certificates),
		cmocka_unit_test(test_A8_kids),
		cmocka_unit_test(test_A8_long_kids),
		cmocka_unit_test(test_A9_flood),
		cmocka_unit_test(test_A19_crit),
		cmocka_unit_test(test_A19_b64),
		cmocka_unit_test(test_A20_kinds),
		cmocka_unit_test(test_A20_feed_objects),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
