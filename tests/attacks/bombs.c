/* bombs.c - what is too long, too deep or too much is refused for that, and
 * costs neither memory nor stack. */
#include <pthread.h>

#include "tests/attacks/attack.h"

/* In a thread with little of a stack: what a token's size or depth asks for,
 * it does not get. */
struct bomb {
	const struct scene *s;
	struct span token;
	enum mm_err said;
};

static void *ask_on_small_stack(void *arg)
{
	struct bomb *x = arg;
	struct mm_token out;
	x->said = by_door(x->s->d.v, 0, x->token, &out);
	return NULL;
}

static void refuse_bomb(const struct scene *s, const char *what,
			struct span token)
{
	struct bomb x = { .s = s, .token = token };
	pthread_attr_t small;
	pthread_t t;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 << 10);
	assert_int_equal(pthread_create(&t, &small, ask_on_small_stack, &x), 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&small);
	expect(what, x.said, MM_ERR_MALFORMED);
}

/* `n` times the same text. */
static void repeat(struct buf *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_str(b, text);
}

static void test_A25_sizes(void **state)
{
	const struct scene *s = *state;
	static const char *const fillings[] = { "A", ".", "[", "e30.", "eyJ" };
	static const size_t sizes[] = { 100000, 1 << 20, 2500000 };
	for (size_t i = 0; i < ROWS(fillings); i++)
		for (size_t n = 0; n < ROWS(sizes); n++) {
			AUTO_BUF struct buf b = buf_new(4u << 20);
			repeat(&b, fillings[i], sizes[n] / strlen(fillings[i]));
			refuse_bomb(s, fillings[i], done(&b));
		}
	/* signed by us, with parts as long as that */
	for (size_t n = 0; n < ROWS(sizes); n++) {
		AUTO_BUF struct buf b, claims = buf_new(4u << 20);
		buf_str(&claims, "{\"x\":\"");
		repeat(&claims, "A", sizes[n] / 2);
		buf_str(&claims, "\"}");
		refuse_bomb(s, "long claims",
			    with_claims(&b, s->key[0], done(&claims)));
	}
}

/* A claim of ours that nobody knows, of `n` openings and closings. */
static void refuse_depth(const struct scene *s, const char *open,
			 const char *close, size_t n)
{
	AUTO_BUF struct buf b, claims = buf_new(4u << 20);
	struct span good = span_str(CLAIMS_WITH(",\"x\":"));
	buf_add(&claims, span_of(good.at, good.len - 1));
	repeat(&claims, open, n);
	buf_str(&claims, "0");
	repeat(&claims, close, n);
	buf_str(&claims, "}");
	refuse_bomb(s, open, with_claims(&b, s->key[0], done(&claims)));
}

static void test_A25_depths(void **state)
{
	const struct scene *s = *state;
	static const size_t depths[] = { 9, 100, 400, 1000, 100000 };
	for (size_t i = 0; i < ROWS(depths); i++) {
		refuse_depth(s, "[", "]", depths[i]);
		refuse_depth(s, "{\"\":", "}", depths[i]);
		refuse_depth(s, "[{\"a\":", "}]", depths[i]);
		refuse_depth(s, "[", "", depths[i]); /* never closed */
	}
	AUTO_BUF struct buf b = buf_new(1 << 20), h = buf_new(1 << 20);
	repeat(&h, "[", 100000);
	base64url_add(&b, done(&h));
	buf_str(&b, ".e30.AA");
	refuse_bomb(s, "a deep header", done(&b));
}

static void test_A25_many_members(void **state)
{
	const struct scene *s = *state;
	static const size_t counts[] = { 33, 300, 100000 };
	for (size_t i = 0; i < ROWS(counts); i++) {
		AUTO_BUF struct buf b, claims = buf_new(4u << 20);
		struct span good = span_str(CLAIMS_WITH(""));
		buf_add(&claims, span_of(good.at, good.len - 1));
		for (size_t n = 0; n < counts[i]; n++)
			buf_fmt(&claims, ",\"%zx\":0", n);
		buf_str(&claims, "}");
		refuse_bomb(s, "members",
			    with_claims(&b, s->key[0], done(&claims)));
	}
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A25_sizes),
		cmocka_unit_test(test_A25_depths),
		cmocka_unit_test(test_A25_many_members),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
