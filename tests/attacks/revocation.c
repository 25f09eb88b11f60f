/* revocation.c - what was revoked stays so in every spelling that its token
 * has, whether it was seen before or not, and whatever is signed anew under
 * its number. */
#include "tests/attacks/attack.h"
#include "tests/unit/es256_number.h"

/* The other signature of the same token: (r, n - s). */
static struct span twin_of(struct span token, struct buf *b)
{
	struct span part[4];
	uint8_t sig[64], other[64];
	size_t n;
	cut_parts(token, part);
	assert_ok(base64url_decode(part[3], sig, sizeof sig, &n));
	assert_int_equal(n, 64);
	memcpy(other, sig, 32);
	put_number(other + 32, sig + 32, sig, '-');
	*b = buf_new(4096);
	buf_add(b, span_of(token.at, token.len - part[3].len));
	base64url_add(b, span_of(other, 64));
	return done(b);
}

/* The twin is good too, and is the same token: what is decided of the one is
 * decided of the other at once, in whichever order they are seen. */
static void decide_alike(bool twin_first)
{
	struct scene s;
	AUTO_BUF struct buf a, b;
	scene_begin(&s, (struct mm_options){ 0 });
	struct span one = token_make(
		&s.d.m,
		(struct says){ .list = SLIDE, .idx = 5, .window = 5 * DAY },
		&a);
	struct span other = twin_of(one, &b);
	assert_false(span_eq(one, other));
	const struct {
		unsigned status;
		int64_t now;
		enum mm_err want;
	} steps[] = {
		{ STATUS_VALID, T0 + 100, MM_OK },
		{ STATUS_SUSPENDED, T0 + 101, MM_ERR_SUSPENDED },
		{ STATUS_VALID, T0 + 102, MM_OK },
		{ STATUS_REVOKED, T0 + 103, MM_ERR_REVOKED },
		{ STATUS_VALID, T0 - 61, MM_ERR_NOT_YET_VALID },
		{ STATUS_VALID, T0 + 5 * DAY, MM_ERR_IDLE },
		{ STATUS_VALID, T0 + 30 * DAY, MM_ERR_EXPIRED },
	};
	for (size_t i = 0; i < ROWS(steps); i++) {
		struct mm_token t, u;
		s.d.now = steps[i].now;
		state_put_head(&s.d.w, s.d.m.r.seq, s.d.now);
		assert_ok(state_put_status(&s.d.w, SLIDE, 5, steps[i].status));
		enum mm_err first =
			answer_with(&s, "first", twin_first ? other : one, &t);
		expect("second",
		       answer_with(&s, "second", twin_first ? one : other, &u),
		       first);
		expect("both", first, steps[i].want);
		if (first == MM_OK)
			assert_memory_equal(&t, &u, sizeof t);
	}
	scene_end(&s);
}

static void test_A13_high_s_is_the_same_token(void **state)
{
	(void)state;
	decide_alike(false);
	decide_alike(true);
}

static void test_A13_of_nobody_elses(void **state)
{
	const struct scene *s = *state;
	AUTO_BUF struct buf a, b;
	struct span token = under_header(&a, GOOD_HEADER, s->key[0], s->theirs);
	expect("theirs", answer(s, "theirs", token), MM_ERR_BAD_SIGNATURE);
	token = twin_of(token, &b);
	expect("twin", answer(s, "twin", token), MM_ERR_BAD_SIGNATURE);
}

/* A revoked token that was good a moment ago: of all that differs from it in
 * one character, nothing passes that did not before. */
static void test_A36_every_character_of_a_revoked_one(void **state)
{
	(void)state;
	static const char others[] = "Aw_-=+/. \n";
	struct scene s;
	struct mm_token t;
	AUTO_BUF struct buf b;
	scene_begin(&s, (struct mm_options){ 0 });
	struct span token = token_make(&s.d.m, (struct says){ .idx = 5 }, &b);
	expect("good", answer(&s, "good", token), MM_OK);
	assert_ok(state_put_status(&s.d.w, FIXED, 5, STATUS_REVOKED));
	for (size_t at = 0; at < token.len; at++)
		for (size_t i = 0; i < sizeof others; i++) {
			uint8_t keep = b.at[at];
			b.at[at] = (uint8_t)others[i];
			if (by_door(s.d.v, 0, token, &t) == MM_OK)
				fail_msg("passes with %zu as %d", at,
					 others[i]);
			b.at[at] = keep;
		}
	expect("as it was", answer(&s, "as it was", token), MM_ERR_REVOKED);
	scene_end(&s);
}

/* The number is what was revoked: another token of that number, for another
 * user and longer, and those that were exchanged for it, are so, too. */
static void test_A36_the_same_number_again(void **state)
{
	(void)state;
	const struct says again[] = {
		{ .idx = 5 },
		{ .idx = 5, .sub = "bob" },
		{ .idx = 5, .exp = T0 + 300 * DAY },
		{ .idx = 5, .iat = T0 + 100 },
		{ .idx = 5, .scope = "photos:read" },
		{ .idx = 5, .window = 30 * DAY },
		{ .idx = 5,
		  .typ = TYP_ACCESS,
		  .own = ".k3_Z",
		  .client = "1.5",
		  .aud = "\"files\"" },
	};
	struct scene s;
	scene_begin(&s, (struct mm_options){ .audience = "files",
					     .flags = MM_ACCESS_TOKENS });
	assert_ok(state_put_status(&s.d.w, FIXED, 5, STATUS_REVOKED));
	for (size_t k = 0; k < KEYS; k++)
		for (size_t i = 0; i < ROWS(again); i++) {
			struct says says = again[i];
			AUTO_BUF struct buf b;
			struct mm_token t;
			says.key = s.key[k];
			struct span token = token_make(&s.d.m, says, &b);
			for (int n = 0; n < 4; n++)
				expect("again",
				       by_door(n % 2 ? s.d.v : s.forgetful, 0,
					       token, &t),
				       MM_ERR_REVOKED);
		}
	scene_end(&s);
}

/* A number has one spelling, and the id says the same as the status. */
static void test_A36_other_spellings_of_the_number(void **state)
{
	static const char *const ids[] = {
		"1.05",	  "01.5", "1.5 ",  " 1.5",  "1.5.",	    "+1.5",
		"1.+5",	  "1.-5", "1.5e0", "1.0x5", "1.4294967301", "1,5",
		"1.5\\n", "1.6",  "2.5",   "5.1",   "1.5.AAAA",	    "",
	};
	static const char *const uris[] = {
		ISS "/s/01", ISS "/s/1/", ISS "/s/2",	   ISS "//s/1",
		ISS "/s/1?", ISS "/s/1#", ISS "/S/1",	   "/s/1",
		ISS "/s/",   ISS "/s/+1", ISS ".evil/s/1",
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < ROWS(ids) + ROWS(uris) + 1; i++) {
		bool id = i < ROWS(ids),
		     uri = !id && i < ROWS(ids) + ROWS(uris);
		AUTO_BUF struct buf b, claims = buf_new(4096);
		buf_fmt(&claims,
			"{\"iss\":\"" ISS "\",\"sub\":\"alice\","
			"\"iat\":1790000000,\"exp\":1792592000,\"jti\":\"%s\","
			"\"status\":{\"status_list\":{\"idx\":5,"
			"\"uri\":\"%s\"}}}",
			id ? ids[i] : "1.5",
			uri ? uris[i - ROWS(ids)] : ISS "/s/1");
		const char *what = id ? ids[i] : uri ? uris[i - ROWS(ids)] : "";
		struct span t = with_claims(&b, s->key[0], done(&claims));
		expect(what, answer(s, what, t),
		       id || uri ? MM_ERR_MALFORMED : MM_OK);
	}
}

/* Its list may be gone with all that it said, and its number out of the
 * list: neither makes it good. */
static void test_A36_without_its_list(void **state)
{
	(void)state;
	struct scene s;
	AUTO_BUF struct buf b, far;
	scene_begin(&s, (struct mm_options){ 0 });
	struct span token = token_make(&s.d.m, (struct says){ .idx = 5 }, &b);
	struct span beyond =
		token_make(&s.d.m, (struct says){ .idx = SIZE }, &far);
	expect("beyond", answer(&s, "beyond", beyond), MM_ERR_REVOKED);
	expect("good", answer(&s, "good", token), MM_OK);
	struct event dead = { .type = EVENT_LIST_DEAD,
			      .list = FIXED,
			      .seq = s.d.m.r.seq + 1 };
	assert_ok(replica_apply(&s.d.m.r, &dead));
	desk_publish(&s.d);
	expect("gone", answer(&s, "gone", token), MM_ERR_STALE);
	expect("gone", answer(&s, "gone", beyond), MM_ERR_STALE);
	scene_end(&s);
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A13_high_s_is_the_same_token),
		cmocka_unit_test(test_A13_of_nobody_elses),
		cmocka_unit_test(test_A36_every_character_of_a_revoked_one),
		cmocka_unit_test(test_A36_the_same_number_again),
		cmocka_unit_test(test_A36_other_spellings_of_the_number),
		cmocka_unit_test(test_A36_without_its_list),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
