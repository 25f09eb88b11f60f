/* test_verify_memory.c - what verifying takes of memory, however often it is
 * done.
 *
 * 1,000,000 verifications of good, forged and revoked tokens, of such as are
 * remembered and such as are pushed out; 10 million with MM_LONG.  The
 * figures are from the process's own resident memory. */
#include "tests/unit/verify_desk.h"

enum {
	TOKENS = 1000,
	ROUNDS = 1120, /* of nine in ten of them */
	ROUNDS_LONG = 11200,
	WARM = 50,
	TOLERANCE = 256 << 10, /* bytes */
};

static size_t resident_bytes(void)
{
	size_t all = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &all, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Of each ten: a forged one, a revoked one, eight good ones. */
enum { FORGED, REVOKED, KINDS = 10 };

/* One letter of its signature. */
static void forge(struct buf *token)
{
	uint8_t *at = &token->at[token->len - 20];
	*at = *at == 'A' ? 'B' : 'A';
}

static void make_tokens(struct desk *d, struct buf tokens[static TOKENS])
{
	for (uint32_t i = 0; i < TOKENS; i++) {
		struct says s = { .list = i % 2 ? SLIDE : FIXED,
				  .idx = i,
				  .window = i % 2 ? DAY : 0,
				  .scope = "node:1b9d:rw photos:read" };
		token_make(&d->m, s, &tokens[i]);
		if (i % KINDS == FORGED)
			forge(&tokens[i]);
		if (i % KINDS == REVOKED)
			assert_ok(state_put_status(&d->w, s.list, i,
						   STATUS_REVOKED));
	}
}

static enum mm_err wanted(size_t i)
{
	return i % KINDS == FORGED    ? MM_ERR_BAD_SIGNATURE
	       : i % KINDS == REVOKED ? MM_ERR_REVOKED
				      : MM_OK;
}

/* A forged one costs a signature each time: they are tried now and then. */
static void verify_all(struct desk *d, const struct buf tokens[static TOKENS],
		       unsigned round)
{
	struct mm_token t;
	for (size_t i = 0; i < TOKENS; i++) {
		if (wanted(i) == MM_ERR_BAD_SIGNATURE && round % 100 != 0)
			continue;
		enum mm_err e = mm_verify(d->v, (const char *)tokens[i].at,
					  tokens[i].len, &t);
		if (e != wanted(i))
			fail_msg("token %zu: %s", i, mm_err_word(e));
	}
}

static void test_F20_verifications(void **state)
{
	static struct buf tokens[TOKENS];
	struct desk d;
	unsigned rounds = getenv("MM_LONG") ? ROUNDS_LONG : ROUNDS;
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	rounds = WARM * 2; /* memory is theirs: leaks are found at the end */
#endif
	desk_begin(&d, (struct mm_options){ .flags = MM_NO_USE });
	d.now = T0 + 50;
	make_tokens(&d, tokens);
	for (unsigned i = 0; i < WARM; i++)
		verify_all(&d, tokens, i);
	size_t before = resident_bytes();
	for (unsigned i = 0; i < rounds; i++)
		verify_all(&d, tokens, i);
	size_t after = resident_bytes();
	print_message("%u rounds of %d tokens: %zu KiB before, %zu after\n",
		      rounds, TOKENS, before >> 10, after >> 10);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(after <= before + TOLERANCE);
#endif
	for (size_t i = 0; i < TOKENS; i++)
		buf_free(&tokens[i]);
	desk_end(&d);
}

/* The same where few are remembered, so that each pushes another out. */
static void test_F20_verifications_without_room(void **state)
{
	static struct buf tokens[TOKENS];
	struct desk d;
	(void)state;
	desk_begin(&d, (struct mm_options){ .flags = MM_NO_USE,
					    .cache_size = 64 << 10 });
	d.now = T0 + 50;
	make_tokens(&d, tokens);
	for (unsigned i = 1; i <= 3; i++)
		verify_all(&d, tokens, i);
	size_t before = resident_bytes();
	for (unsigned i = 1; i <= 20; i++)
		verify_all(&d, tokens, i);
	size_t after = resident_bytes();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(after <= before + TOLERANCE);
#else
	(void)before, (void)after;
#endif
	for (size_t i = 0; i < TOKENS; i++)
		buf_free(&tokens[i]);
	desk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F20_verifications),
		cmocka_unit_test(test_F20_verifications_without_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
