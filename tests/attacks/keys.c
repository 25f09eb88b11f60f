/* keys.c - which keys there are: none that is weak or not a public key comes
 * in by the file that a verifier begins with, and a token is good by keys
 * that are published now, whatever key was or will be. */
#include "tests/attacks/attack.h"

/* ---- A29: weak keys ---- */

/* A JWK Set of these keys, separated by commas, where mm_open() is told to
 * begin.  It says why not; *b is freed. */
static void refuse_set(const struct scene *s, struct buf *b, const char *says)
{
	AUTO_BUF struct buf set = buf_new(1 << 16);
	char path[100], token[100], why[300] = "";
	struct mm_options opt = { .state = "http://127.0.0.1:9",
				  .token_file = token,
				  .jwks_file = path,
				  .why = why,
				  .why_size = sizeof why };
	struct mm_verifier *v;
	struct span keys = done(b);
	buf_fmt(&set, "{\"keys\":[%.*s]}", (int)keys.len,
		(const char *)keys.at);
	snprintf(path, sizeof path, "%s/jwks.json", s->d.m.folder);
	snprintf(token, sizeof token, "%s/token", s->d.m.folder);
	assert_ok(file_replace(path, done(&set), 0600, NULL));
	assert_ok(file_replace(token, span_str("x.y.z"), 0600, NULL));
	if (mm_open(&opt, &v) == MM_OK)
		fail_msg("taken: %.*s", (int)keys.len, (const char *)keys.at);
	if (strstr(why, says) == NULL)
		fail_msg("%.*s: %s, and not %s", (int)keys.len,
			 (const char *)keys.at, why, says);
	buf_free(b);
}

/* All ones; the key is as good as its size. */
static void add_rsa(struct buf *b, size_t bits, const char *e)
{
	uint8_t n[1024];
	memset(n, 0xFF, sizeof n);
	n[0] = (uint8_t)(0xFF >> (8 - (bits + 7) % 8 - 1));
	buf_str(b, "{\"kty\":\"RSA\",\"n\":\"");
	base64url_add(b, span_of(n, (bits + 7) / 8));
	buf_fmt(b, "\",\"e\":\"%s\"}", e);
}

static void test_A29_weak_rsa(void **state)
{
	static const struct {
		size_t bits;
		const char *e, *says;
	} rows[] = {
		{ 512, "AQAB", "512" },	  { 1024, "AQAB", "1024" },
		{ 2047, "AQAB", "2047" }, { 4104, "AQAB", "4104" },
		{ 2048, "AQ", "e is" },	  { 2048, "AA", "e is" },
		{ 2048, "Ag", "even" },	  { 2048, "AQAA", "even" },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b = buf_new(8192);
		add_rsa(&b, rows[i].bits, rows[i].e);
		refuse_set(*state, &b, rows[i].says);
	}
	AUTO_BUF struct buf b = buf_new(8192);
	AUTO_JWK struct jwk *k = NULL;
	add_rsa(&b, 2048,
		"AQAB"); /* or these were refused for another reason */
	assert_ok(jwk_from_json(done(&b), &k, NULL));
}

#define X    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU" /* RFC 7515 A.3 */
#define Y    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define D    "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"

#define EC(x, y, more)                                                         \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x "\",\"y\":\"" y         \
	"\"" more "}"
#define OKP(x) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\"}"
#define OCT    "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}"

static void test_A29_no_public_keys(void **state)
{
	static const struct {
		const char *keys, *says;
	} rows[] = {
		{ EC(Y, X, ""), "not on P-256" },
		{ EC(X, X, ""), "not on P-256" },
		{ EC(X, ZERO, ""), "not on P-256" },
		{ EC(ZERO, ZERO, ""), "infinity" },
		{ OKP(ZERO), "small order" },
		{ OKP("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		  "small order" },
		{ EC(X, Y, ",\"d\":\"" D "\""), "private half" },
		{ OCT, "shared secret" },
		{ EC(X, Y, "") "," OCT, "shared secret" },
		{ OCT "," EC(X, Y, ""), "shared secret" },
		{ EC(X, Y, "") "," EC(X, Y, ""), "twice" },
		{ EC(X, Y, ",\"kid\":\"kPrK_qmxVWa\""), "thumbprint" },
		{ EC(X, Y, ",\"alg\":\"HS256\""), "is for ES256" },
		{ EC(X, Y, ",\"alg\":\"none\""), "is for ES256" },
		{ EC(X, Y, ",\"use\":\"enc\""), "not for signatures" },
		{ EC(X, Y, ",\"x\":\"" X "\""), "twice" },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b = buf_new(8192);
		buf_str(&b, rows[i].keys);
		refuse_set(*state, &b, rows[i].says);
	}
}

/* ---- A37: keys come and go ---- */

/* By an event of the feed, and then in a new state file. */
static void key_event(struct scene *s, enum event_type type,
		      const struct jwk *k)
{
	AUTO_BUF struct buf jwk = buf_new(JWK_TEXT_MAX);
	struct event e = { .type = type, .seq = s->d.m.r.seq + 1 };
	snprintf(e.kid, sizeof e.kid, "%s", jwk_kid(k));
	assert_ok(jwk_to_json(k, &jwk));
	assert_true(span_copy(e.jwk, sizeof e.jwk, done(&jwk)));
	assert_ok(replica_apply(&s->d.m.r, &e));
	desk_publish(&s->d);
}

static void test_A37_a_key_that_is_gone(void **state)
{
	(void)state;
	static const enum event_type ends[] = { EVENT_KEY_RETIRED,
						EVENT_KEY_COMPROMISED };
	for (size_t i = 0; i < ROWS(ends); i++)
		for (size_t k = 0; k < KEYS; k++) {
			struct scene s;
			AUTO_BUF struct buf b, unseen;
			scene_begin(&s, (struct mm_options){ 0 });
			struct span t = token_make(
				&s.d.m, (struct says){ .key = s.key[k] }, &b);
			struct span u = token_make(
				&s.d.m,
				(struct says){ .key = s.key[k], .idx = 7 },
				&unseen);
			expect("good", answer(&s, "good", t), MM_OK);
			key_event(&s, ends[i], s.key[k]);
			expect("seen", answer(&s, "seen", t),
			       MM_ERR_UNKNOWN_KEY);
			expect("unseen", answer(&s, "unseen", u),
			       MM_ERR_UNKNOWN_KEY);
			scene_end(&s);
		}
}

/* That it was refused before is not remembered, either. */
static void test_A37_a_key_that_is_to_come(void **state)
{
	(void)state;
	struct scene s;
	AUTO_BUF struct buf b;
	scene_begin(&s, (struct mm_options){ 0 });
	struct span t =
		token_make(&s.d.m, (struct says){ .key = s.theirs }, &b);
	expect("before", answer(&s, "before", t), MM_ERR_UNKNOWN_KEY);
	key_event(&s, EVENT_KEY_NEW, s.theirs);
	expect("now", answer(&s, "now", t), MM_OK);
	scene_end(&s);
}

/* ---- A37: one kid, two keys ---- */

/* Their key where ours stood, under our kid and with a good checksum. */
static void swap_key(const struct scene *s, const char *path)
{
	AUTO_BUF struct buf whole = buf_new(1 << 20);
	AUTO_BUF struct buf jwk = buf_new(JWK_TEXT_MAX);
	assert_ok(buf_read_file(&whole, path, NULL));
	struct state_header *h = (void *)whole.at;
	struct state_key *row = (void *)(whole.at + h->keys_at);
	while (strcmp(row->kid, jwk_kid(s->key[0])) != 0)
		row++;
	assert_ok(jwk_to_json(s->theirs, &jwk));
	assert_true(span_copy(row->jwk, sizeof row->jwk, done(&jwk)));
	assert_ok(state_checksum(h, h->head_size, h->checksum));
	assert_ok(file_replace(path, done(&whole), 0600, NULL));
}

static void test_A37_another_key_of_that_kid(void **state)
{
	const struct scene *s = *state;
	AUTO_BUF struct buf b, jwk = buf_new(JWK_TEXT_MAX);
	struct event e = { .type = EVENT_KEY_NEW, .seq = s->d.m.r.seq + 1 };
	struct replica r = { .seq = s->d.m.r.seq };
	struct mm_verifier *v;
	struct why why = { .text = "" };
	char path[100];
	/* their signature */
	struct span t = under_header(&b, GOOD_HEADER, s->key[0], s->theirs);
	expect("theirs", answer(s, "theirs", t), MM_ERR_BAD_SIGNATURE);
	/* in the feed */
	assert_ok(jwk_to_json(s->theirs, &jwk));
	assert_true(span_copy(e.jwk, sizeof e.jwk, done(&jwk)));
	snprintf(e.kid, sizeof e.kid, "%s", jwk_kid(s->key[0]));
	expect("event", replica_apply(&r, &e), MM_ERR_MALFORMED);
	assert_int_equal(r.keys.count, 0);
	/* in a state file */
	snprintf(path, sizeof path, "%s/swapped", s->d.m.folder);
	AUTO_BUF struct buf copy = buf_new(1 << 20);
	assert_ok(buf_read_file(&copy, s->d.m.path, NULL));
	assert_ok(file_replace(path, done(&copy), 0600, NULL));
	swap_key(s, path);
	expect("state",
	       verifier_open_state(&(struct mm_options){ 0 }, path, &v, &why),
	       MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "damaged"));
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A29_weak_rsa),
		cmocka_unit_test(test_A29_no_public_keys),
		cmocka_unit_test(test_A37_a_key_that_is_gone),
		cmocka_unit_test(test_A37_a_key_that_is_to_come),
		cmocka_unit_test(test_A37_another_key_of_that_kid),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
