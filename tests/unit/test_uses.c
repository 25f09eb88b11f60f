/* Steps 4 and 5 on the host: no token dies that was used once a window, no
 * use is lost by a restart, nothing unbelievable is believed. */
#include "tests/unit/verifier_fixture.h"

#include "verifier/keep.h"
#include "verifier/use_file.h"

static struct use_entry token(uint32_t idx, int64_t window)
{
	return (struct use_entry){ .list = SLIDE,
				   .idx = idx,
				   .iat = T0,
				   .exp = T0 + 300 * DAY,
				   .window = window };
}

/* ---- chains ---- */

static void test_chain(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int64_t issuer_last;
		int64_t uses[6], chain[6]; /* after T0; 0 ends */
	} cases[] = {
		{ "one", 0, { 10 }, { 10 } },
		{ "the later stands for the earlier",
		  0,
		  { 10, 20, 49 },
		  { 49 } },
		{ "but not across half a window", 0, { 49, 50 }, { 49, 50 } },
		{ "just not", 0, { 20, 49, 50, 98, 148 }, { 49, 98, 148 } },
		{ "twice the same", 0, { 50, 50 }, { 50 } },
		{ "out of order", 0, { 50, 40 }, { 50 } },
		{ "what the issuer knows", 60, { 50, 60 }, { 0 } },
		{ "from where the issuer stands", 60, { 90, 109 }, { 109 } },
		{ "and on", 60, { 90, 110 }, { 90, 110 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct use_table t = { 0 };
		struct use_entry e = token(1, 100);
		int64_t last =
			cases[i].issuer_last ? T0 + cases[i].issuer_last : 0;
		for (size_t u = 0; u < 6 && cases[i].uses[u]; u++)
			assert_ok(use_table_add(&t, &e, last,
						T0 + cases[i].uses[u]));
		const struct use_entry *own = use_table_find(&t, SLIDE, 1);
		size_t n = 0;
		for (; n < 6 && cases[i].chain[n]; n++)
			if (n >= own->count ||
			    own->at[n] != T0 + cases[i].chain[n])
				fail_msg("%s: %zu", cases[i].what, n);
		if (n != own->count)
			fail_msg("%s: %u in chain", cases[i].what, own->count);
		use_table_free(&t);
	}
}

/* How many are due?  Nobody is told of them. */
static size_t due_count(struct use_table *t, const struct mint *m, int64_t now)
{
	struct use_due due[8];
	size_t n = use_table_due(t, &m->r, now, false, due, 8);
	use_table_told(t, due, n, false, now - 1);
	return n;
}

static void test_due(void **state)
{
	(void)state;
	struct mint m;
	struct use_due due[8];
	struct use_table t = { 0 };
	struct use_entry e = token(1, 100), short_one = token(2, 3);
	mint_begin(&m);
	assert_ok(use_table_add(&t, &e, 0, T0 + 30));
	assert_int_equal(due_count(&t, &m, T0 + 49), 0);
	assert_int_equal(use_table_due(&t, &m.r, T0 + 50, false, due, 8), 1);
	assert_int_equal(due[0].at, T0 + 30);
	/* once, until it is known what became of it */
	assert_int_equal(use_table_due(&t, &m.r, T0 + 50, false, due, 8), 0);
	use_table_told(&t, due, 1, false, T0 + 50);
	assert_int_equal(due_count(&t, &m, T0 + 51), 1);
	use_table_hasten(&t);
	assert_int_equal(use_table_due(&t, &m.r, T0 + 31, true, due, 8), 1);
	use_table_told(&t, due, 1, false, T0 + 31);

	/* very young uses wait: the issuer's clock may be behind */
	assert_ok(use_table_add(&t, &e, 0, T0 + 60));
	assert_int_equal(due_count(&t, &m, T0 + 64), 1);
	assert_int_equal(due_count(&t, &m, T0 + 65), 2);

	/* but not where there is no time for that */
	assert_ok(use_table_add(&t, &short_one, 0, T0 + 66));
	assert_int_equal(t.brisk, 1);
	assert_int_equal(due_count(&t, &m, T0 + 66), 3);

	/* rising, and no more than there is room for */
	assert_int_equal(use_table_due(&t, &m.r, T0 + 70, false, due, 8), 3);
	assert_int_equal(due[0].at, T0 + 30);
	assert_int_equal(due[1].at, T0 + 60);
	assert_int_equal(due[2].at, T0 + 66);
	use_table_told(&t, due, 3, false, T0 + 69);
	assert_int_equal(use_table_due(&t, &m.r, T0 + 70, false, due, 1), 1);
	use_table_told(&t, due, 1, false, T0 + 69);

	/* the issuer's own word counts */
	list_put_last_use(replica_list(&m.r, SLIDE), 1, (uint32_t)(T0 + 60));
	assert_int_equal(due_count(&t, &m, T0 + 170), 1);
	use_table_free(&t);
	mint_end(&m);
}

/* However often it is used: each use would be too young to be told. */
static void test_always_in_use(void **state)
{
	(void)state;
	struct mint m;
	mint_begin(&m);
	for (int64_t window = 2; window < 400; window++) {
		struct use_table t = { 0 };
		struct use_entry e = token(1, window);
		int64_t now = T0 + 1, last = T0 + 3 * window / 4 + 6;
		for (; due_count(&t, &m, now) == 0 && now <= last; now++)
			assert_ok(use_table_add(&t, &e, 0, now));
		if (now > last)
			fail_msg("%" PRId64 ": not told", window);
		use_table_free(&t);
	}
	mint_end(&m);
}

/* Told while a newer use came in: only what was told goes. */
static void test_taken(void **state)
{
	(void)state;
	struct mint m;
	struct use_due due[4];
	struct use_table t = { 0 };
	struct use_entry e = token(1, 100);
	mint_begin(&m);
	assert_ok(use_table_add(&t, &e, 0, T0 + 60));
	assert_int_equal(use_table_due(&t, &m.r, T0 + 70, false, due, 4), 1);
	assert_ok(use_table_add(&t, &e, 0, T0 + 80));
	use_table_told(&t, due, 1, true, T0 + 80);
	const struct use_entry *own = use_table_find(&t, SLIDE, 1);
	assert_int_equal(own->count, 1);
	assert_int_equal(own->at[0], T0 + 80);
	assert_int_equal(own->sent, T0 + 60);
	/* half a window from the one that was taken */
	assert_int_equal(use_table_due(&t, &m.r, T0 + 109, false, due, 4), 0);
	assert_int_equal(use_table_due(&t, &m.r, T0 + 110, false, due, 4), 1);
	use_table_told(&t, due, 1, true, T0 + 110);
	assert_int_equal(own->count, 0);

	/* kept until the feed says so too: a new state file needs it */
	assert_int_equal(due_count(&t, &m, T0 + 120), 0);
	assert_int_equal(t.count, 1);
	list_put_last_use(replica_list(&m.r, SLIDE), 1, (uint32_t)(T0 + 80));
	assert_int_equal(due_count(&t, &m, T0 + 130), 0);
	assert_int_equal(t.count, 0);
	use_table_free(&t);
	mint_end(&m);
}

static void test_forgotten(void **state)
{
	(void)state;
	struct mint m;
	struct use_table t = { 0 };
	struct use_entry e;
	mint_begin(&m);
	for (uint32_t i = 0; i < 600; i++) {
		e = token(i, 100);
		assert_ok(use_table_add(&t, &e, 0, T0 + 1));
	}
	e = token(1000, 100);
	e.list = 77; /* gone meanwhile */
	assert_ok(use_table_add(&t, &e, 0, T0 + 1));
	for (int i = 0; i < 100; i++) /* late, but not yet told */
		(void)due_count(&t, &m, T0 + 5000);
	assert_int_equal(t.count, 600);
	for (int i = 0; i < 100; i++)
		(void)due_count(&t, &m, T0 + 300 * DAY - 1);
	assert_int_equal(t.count, 600);
	assert_int_equal(due_count(&t, &m, T0 + 300 * DAY), 0);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.times, 0);
	use_table_free(&t);
	mint_end(&m);
}

/* ---- what somebody says who may write to the socket ---- */

/* Whatever numbers he gives, and whenever: the chain of the token's own is as
 * it is without him, and is told when it is without him. */
static void test_A23_other_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int64_t iat, exp, window; /* after T0; the window */
	} lies[] = {
		{ "a window of 19 days", 0, 300 * DAY, 19 * DAY },
		{ "a window of a second", 0, 300 * DAY, 1 },
		{ "made just now", 50, 300 * DAY, 100 },
		{ "made long ago", -9000, 300 * DAY, 100 },
		{ "over soon", 0, 61, 100 },
		{ "never over", 0, 90000 * DAY, 100 },
	};
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct mint m;
		struct use_table t = { 0 };
		struct use_due due[64];
		struct use_entry e = token(1, 100), lie = token(1, 0);
		lie.iat = T0 + lies[i].iat;
		lie.exp = T0 + lies[i].exp;
		lie.window = lies[i].window;
		size_t told = 0;
		mint_begin(&m);
		for (int64_t now = T0 + 51; now <= T0 + 60; now++) {
			assert_ok(use_table_add(&t, &lie, 0, now));
			if (now == T0 + 55)
				assert_ok(use_table_add(&t, &e, 0, now));
			assert_ok(use_table_add(&t, &lie, 0, now + 1));
		}
		for (int64_t now = T0 + 60; now < T0 + 63; now++) {
			size_t n = use_table_due(&t, &m.r, now, false, due, 64);
			for (size_t j = 0; j < n; j++)
				told += due[j].of->iat == e.iat &&
					due[j].of->exp == e.exp &&
					due[j].of->window == e.window &&
					due[j].at == T0 + 55 && now == T0 + 60;
			use_table_told(&t, due, n, true, now);
		}
		if (told != 1)
			fail_msg("%s: told %zu times", lies[i].what, told);
		use_table_free(&t);
		mint_end(&m);
	}
}

/* ---- when there is no more room ---- */

static void test_F20_no_more_room(void **state)
{
	(void)state;
	static struct use_due due[1000];
	struct mint m;
	struct use_table t = { 0 };
	struct use_entry e = token(0, 30 * DAY);
	mint_begin(&m);
	for (e.idx = 0; e.idx < USE_TOKENS_MAX; e.idx++)
		assert_ok(use_table_add(&t, &e, 0, T0 + 1));
	assert_err(use_table_add(&t, &e, 0, T0 + 1), MM_ERR_FULL);
	assert_int_equal(t.count, USE_TOKENS_MAX);
	assert_int_equal(t.refused, 1);
	e.idx = 0; /* who is there goes on */
	assert_ok(use_table_add(&t, &e, 0, T0 + 2));

	/* the newest are told at once, and make room when they were */
	assert_int_equal(use_table_due(&t, &m.r, T0 + 7, false, due, 1000),
			 1000);
	use_table_told(&t, due, 1000, true, T0 + 7);
	e.idx = USE_TOKENS_MAX;
	for (int i = 0; i < 2; i++)
		use_table_told(&t, due,
			       use_table_due(&t, &m.r, T0 + 7, false, due, 9),
			       false, T0 + 7);
	assert_ok(use_table_add(&t, &e, 0, T0 + 7));
	assert_in_range(t.count, USE_TOKENS_MAX - 1000, USE_TOKENS_MAX - 900);
	use_table_free(&t);
	mint_end(&m);
}

/* However long the chains: they have one room together. */
static void test_F20_long_chains(void **state)
{
	(void)state;
	enum { LONG = USE_CHAIN_MAX / 2 };
	struct use_table t = { 0 };
	struct use_entry e = token(0, 1);
	for (e.idx = 0; e.idx < USE_TIMES_MAX / LONG; e.idx++)
		for (int64_t i = 1; i <= LONG; i++)
			assert_ok(use_table_add(&t, &e, 0, T0 + i));
	assert_int_equal(t.times, USE_TIMES_MAX);
	assert_err(use_table_add(&t, &e, 0, T0 + 1), MM_ERR_FULL);
	e.idx = 0;
	assert_err(use_table_add(&t, &e, 0, T0 + 10000), MM_ERR_FULL);
	assert_int_equal(t.refused, 2);
	use_table_free(&t);

	e.idx = 1; /* nor is one that is alone without end */
	for (int64_t i = 1; i <= USE_CHAIN_MAX; i++)
		assert_ok(use_table_add(&t, &e, 0, T0 + i));
	assert_err(use_table_add(&t, &e, 0, T0 + 10000), MM_ERR_FULL);
	use_table_free(&t);
}

/* ---- the promise, with an issuer that is away at times ---- */

struct issuer {
	int64_t last, iat, exp, window;
	unsigned refused;
};

static void report(struct issuer *is, struct use_table *t, struct mint *m,
		   int64_t now)
{
	struct use_due due[256]; /* more than a chain can be here */
	size_t n = use_table_due(t, &m->r, now, false, due, 256);
	for (size_t i = 0; i < n; i++) {
		int64_t at = due[i].at;
		if (at > now || at >= effective_expiry(is->iat, is->exp,
						       is->window, is->last))
			is->refused++;
		else if (at > is->last)
			is->last = at;
	}
	use_table_told(t, due, n, true, now);
	list_put_last_use(replica_list(&m->r, SLIDE), 1, (uint32_t)is->last);
}

/* Used at random, but at least once a window; the issuer can be told in one
 * of `luck` seconds only.  It must accept all, and know of the last. */
static void live_through(struct mint *m, int64_t window, unsigned luck,
			 unsigned seed)
{
	struct use_table t = { 0 };
	struct use_entry e = token(1, window);
	struct issuer is = {
		.last = 0, .iat = e.iat, .exp = e.exp, .window = window
	};
	int64_t last = T0, now = T0;
	uint64_t r = seed * 2654435761u + 1;
	for (; now < T0 + 40 * window; now++) {
		r = r * 6364136223846793005u + 1442695040888963407u;
		bool must = now - last == window - 1;
		if (now > last && (must || r >> 40 & 1)) {
			assert_ok(use_table_add(
				&t, &e, replica_list(&m->r, SLIDE)->last_use[1],
				now));
			last = now;
		}
		if ((r >> 45) % luck == 0)
			report(&is, &t, m, now);
	}
	report(&is, &t, m, last + window + 100);
	if (is.refused != 0 || is.last != last)
		fail_msg("window %" PRId64 ", luck %u, seed %u: %u refused",
			 window, luck, seed, is.refused);
	list_put_last_use(replica_list(&m->r, SLIDE), 1, 0);
	use_table_free(&t);
}

static void test_promise(void **state)
{
	(void)state;
	static const unsigned luck[] = { 1, 2, 7, 40, 1000 };
	struct mint m;
	mint_begin(&m);
	for (int64_t window = 2; window < 40; window += 3)
		for (size_t i = 0; i < 5; i++)
			for (unsigned seed = 0; seed < 20; seed++)
				live_through(&m, window, luck[i], seed);
	mint_end(&m);
}

/* ---- on disk ---- */

/* As keep_save_uses() does, but for its lock. */
static void save(struct use_tables t, const char *path)
{
	AUTO_BUF struct buf b = buf_new(USE_FILE_MAX);
	struct span text;
	use_file_begin(&b, ISS, use_file_size(t));
	for (size_t left = SIZE_MAX; left != 0 && use_file_room(&b);)
		left = use_file_uses(&b, t.uses, left);
	use_file_seen(&b, t.seen);
	assert_ok(use_file_end(&b));
	assert_ok(buf_done(&b, &text));
	assert_ok(file_replace(path, text, 0600, NULL));
}

static void test_file(void **state)
{
	(void)state;
	struct mint m;
	struct use_table t = { 0 }, back = { 0 };
	struct seen_table seen, seen_back;
	struct use_entry e = token(1, 100), f = token(2, 5 * DAY);
	const struct sighting one = { FIXED, 9, T0 - 800, "http",
				      "2001:db8::7" };
	const struct sighting told = { FIXED, 10, T0 - 800, "", "" };
	struct sighting out[2];
	struct use_due due[2];
	mint_begin(&m);
	seen_table_init(&seen, 2);
	seen_table_init(&seen_back, 2);
	assert_ok(seen_table_add(&seen, &one));
	assert_ok(seen_table_add(&seen, &told));
	seen_table_taken(&seen, &told);
	assert_ok(use_table_add(&t, &e, 0, T0 + 60));
	assert_ok(use_table_add(&t, &f, 0, T0 + 99));
	assert_int_equal(use_table_due(&t, &m.r, T0 + 70, false, due, 2), 1);
	use_table_told(&t, due, 1, true, T0 + 70);
	assert_ok(use_table_add(&t, &e, 0, T0 + 120));
	save((struct use_tables){ &t, &seen }, m.path);
	assert_ok(use_file_load((struct use_tables){ &back, &seen_back },
				m.path, ISS, NULL));
	assert_int_equal(seen_table_due(&seen_back, T0, out, 2), 1);
	assert_memory_equal(&out[0], &one, sizeof one);
	assert_int_equal(back.count, 2);
	const struct use_entry *own = use_table_find(&back, SLIDE, 1);
	assert_int_equal(own->iat, T0);
	assert_int_equal(own->exp, T0 + 300 * DAY);
	assert_int_equal(own->window, 100);
	assert_int_equal(own->sent, T0 + 60);
	assert_int_equal(own->latest, T0 + 120);
	assert_int_equal(own->count, 1);
	assert_int_equal(own->at[0], T0 + 120);
	assert_int_equal(use_table_find(&back, SLIDE, 2)->at[0], T0 + 99);
	use_table_free(&t);
	use_table_free(&back);
	seen_table_free(&seen);
	seen_table_free(&seen_back);
	mint_end(&m);
}

/* A chain changes while the file is written: what comes out is of one moment
 * or of another, and no chain that was there all the while is lost. */
static void test_file_meanwhile(void **state)
{
	(void)state;
	enum { MANY = 9000 }; /* some slices */
	static struct use_due due[MANY];
	AUTO_BUF struct buf b = buf_new(USE_FILE_MAX);
	struct mint m;
	struct span text;
	struct use_table t = { 0 }, back = { 0 };
	struct seen_table seen;
	struct use_entry e = token(0, 100);
	mint_begin(&m);
	seen_table_init(&seen, 2);
	struct use_tables both = { &t, &seen };
	for (e.idx = 0; e.idx < MANY; e.idx++) {
		e.exp = T0 + (e.idx % 3 ? DAY : 40); /* a third goes */
		assert_ok(use_table_add(&t, &e, 0, T0 + 30));
	}
	use_file_begin(&b, ISS, use_file_size(both));
	size_t left = SIZE_MAX, slices = 0;
	for (; left != 0 && use_file_room(&b); slices++) {
		left = use_file_uses(&b, &t, left);
		if (slices == 1)
			use_table_hasten(&t);
		if (slices >= 1) /* USE_LOOKS of them */
			use_table_told(&t, due,
				       use_table_due(&t, &m.r, T0 + 40, false,
						     due, MANY),
				       false, T0 + 40);
	}
	use_file_seen(&b, &seen);
	assert_ok(use_file_end(&b));
	assert_in_range(slices, 4, 10);
	assert_in_range(t.count, MANY / 3 * 2, MANY - 500);
	assert_ok(buf_done(&b, &text));
	assert_ok(file_replace(m.path, text, 0600, NULL));
	both.uses = &back;
	assert_ok(use_file_load(both, m.path, ISS, NULL));
	for (uint32_t i = 0; i < MANY; i++)
		if (i % 3 && use_table_find(&back, SLIDE, i) == NULL)
			fail_msg("%u is lost", i);
	use_table_free(&t);
	use_table_free(&back);
	seen_table_free(&seen);
	mint_end(&m);
}

/* Whole or not at all, and it is said which file that is. */
static void assert_refused(const char *path, struct span text, const char *what)
{
	struct use_table uses = { 0 };
	struct seen_table seen;
	struct why why = { .text = "" };
	seen_table_init(&seen, 2);
	assert_ok(file_replace(path, text, 0600, NULL));
	if (use_file_load((struct use_tables){ &uses, &seen }, path, ISS,
			  &why) != MM_ERR_INVALID)
		fail_msg("takes %s", what);
	if (strstr(why.text, path) == NULL ||
	    strstr(why.text, "going on without it") == NULL)
		fail_msg("%s: %s", what, why.text);
	assert_int_equal(uses.count, 0);
	assert_int_equal(seen.count, 0);
}

/* A file of one token and one that was seen. */
static void small_file(struct buf *b, const char *iss)
{
	struct use_table t = { 0 };
	struct seen_table seen;
	struct use_entry e = token(1, 100);
	const struct sighting one = { FIXED, 9, T0 - 800, "http", "" };
	seen_table_init(&seen, 2);
	assert_ok(use_table_add(&t, &e, 0, T0 + 60));
	assert_ok(use_table_add(&t, &e, 0, T0 + 120));
	assert_ok(seen_table_add(&seen, &one));
	use_file_begin(b, iss, 0);
	assert_true(use_file_room(b));
	assert_int_equal(use_file_uses(b, &t, SIZE_MAX), 0);
	use_file_seen(b, &seen);
	assert_ok(use_file_end(b));
	use_table_free(&t);
	seen_table_free(&seen);
}

static void test_F2_file_refused(void **state)
{
	(void)state;
	AUTO_BUF struct buf b = buf_new(1 << 20), other = buf_new(1 << 20);
	struct mint m;
	mint_begin(&m);
	small_file(&b, ISS);
	for (size_t n = 0; n < b.len; n++)
		assert_refused(m.path, span_of(b.at, n), "less");
	for (size_t i = 0; i < b.len; i++) {
		b.at[i] ^= 1;
		assert_refused(m.path, span_of(b.at, b.len), "a flipped bit");
		b.at[i] ^= 1;
	}
	small_file(&other, "https://other");
	assert_refused(m.path, span_of(other.at, other.len), "another's");
	assert_refused(
		m.path,
		span_str("{\"version\":1,\"iss\":\"" ISS "\",\"tokens\":[]}"),
		"an earlier version");
	mint_end(&m);
}

/* What a checksum does not tell. */
static void test_file_odd(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t at;
		uint64_t value;
	} odd[] = {
#define HEAD  sizeof(struct use_file_head)
#define CHAIN (HEAD + sizeof(struct use_file_token))
#define IN(m) (HEAD + offsetof(struct use_file_token, m))
		{ "sightings in the head",
		  offsetof(struct use_file_head, seen_at), 8 },
		{ "sightings behind the end",
		  offsetof(struct use_file_head, seen_at), 1 << 20 },
		{ "sightings in a chain",
		  offsetof(struct use_file_head, seen_at), CHAIN + 8 },
		{ "no window", IN(window), 0 },
		{ "a time before 1970", IN(iat), (uint64_t)-1 },
		{ "a time that is too late", IN(exp), UINT64_C(1) << 62 },
		{ "a chain that is too long", IN(zero),
		  (uint64_t)(USE_CHAIN_MAX + 1) << 32 },
		{ "a chain that does not rise", CHAIN + 8, T0 + 60 },
		{ "a door of two words", CHAIN + 16 + 16, 0x782078 },
		{ "a from that is none", CHAIN + 16 + 48, 0x787878 },
	};
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		AUTO_BUF struct buf b = buf_new(1 << 20);
		struct mint m;
		mint_begin(&m);
		small_file(&b, ISS);
		memcpy(b.at + odd[i].at, &odd[i].value, 8);
		assert_ok(use_file_end(&b));
		assert_refused(m.path, span_of(b.at, b.len), odd[i].what);
		mint_end(&m);
	}
}

/* ---- what a datagram may say ---- */

static void keeper_begin(struct keeper *k, const struct mint *m)
{
	struct why why = { .text = "" };
	assert_ok(keep_open(k, m->path, ISS, DAY, &why));
	k->replica = m->r; /* lent */
	k->holds = true;
	k->fresh_at = T0;
	assert_ok(keep_show(k, &why));
}

static void keeper_end(struct keeper *k)
{
	memset(&k->replica, 0, sizeof k->replica);
	keep_close(k);
}

static void test_datagram(void **state)
{
	(void)state;
#define GOOD                                                                   \
	{                                                                      \
		.magic = { 'M', 'M', 'U', '2' }, .list = SLIDE, .idx = 1,      \
		.used_at = T0 + 50, .iat = T0, .exp = T0 + DAY,                \
		.auto_refresh = 100, .door = "http", .from = "192.0.2.7"       \
	}
	struct mint m;
	struct keeper k;
	const struct use_datagram good = GOOD;
	struct use_datagram bad[17];
	mint_begin(&m);
	keeper_begin(&k, &m);
	for (size_t i = 0; i < 17; i++)
		bad[i] = good;
	bad[0].list = 0;
	bad[1].list = 3;
	bad[2].list = FIXED;
	bad[3].idx = SIZE;
	bad[4].used_at = T0 + 62; /* over a second ahead of now */
	bad[5].used_at = T0 - 1;
	bad[6].auto_refresh = 0;
	bad[7].auto_refresh = 50; /* was dead by then */
	bad[8].exp = T0 + 50;
	bad[9].auto_refresh = INT64_MAX;
	bad[10].exp = INT64_MAX;
	bad[11].iat = INT64_MIN;
	bad[12].auto_refresh = -1;
	bad[13].door[4] = ' ';
	bad[14].door[DOOR_SIZE - 1] = 'x'; /* behind its end */
	memset(bad[15].door, 'x', DOOR_SIZE);
	memset(bad[16].from, '1', FROM_SIZE);
	for (size_t i = 0; i < 17; i++)
		if (keep_use(&k, &bad[i], T0 + 60) == MM_OK)
			fail_msg("takes %zu", i);
	assert_int_equal(k.uses.count, 0);
	assert_int_equal(k.seen.count, 0);

	assert_ok(keep_use(&k, &good, T0 + 60));
	const struct state_list *l = state_find(k.live.head, SLIDE);
	assert_int_equal(state_last_use(k.live.head, l, 1), T0 + 50);
	/* the window slides from there */
	bad[7] = good;
	bad[7].used_at = T0 + 149;
	assert_ok(keep_use(&k, &bad[7], T0 + 149));
	bad[7].used_at = T0 + 249;
	assert_err(keep_use(&k, &bad[7], T0 + 249), MM_ERR_INVALID);
	keeper_end(&k);
	mint_end(&m);
}

/* A fixed token's use is seen, and there is no chain of it; an auto_refresh
 * token's is both. */
static void test_seen(void **state)
{
	(void)state;
	struct mint m;
	struct keeper k;
	struct use_datagram slide = GOOD, fixed = GOOD;
	struct sighting out[4];
	mint_begin(&m);
	keeper_begin(&k, &m);
	fixed.list = FIXED;
	fixed.auto_refresh = 0;
	memcpy(fixed.from, "host.example", 13); /* a name, and no address */
	assert_ok(keep_use(&k, &fixed, T0 + 60));
	assert_int_equal(k.uses.count, 0);
	assert_ok(keep_use(&k, &slide, T0 + 60));
	assert_int_equal(k.uses.count, 1);
	assert_int_equal(seen_table_due(&k.seen, T0 + 60, out, 4), 2);
	assert_int_equal(out[0].list, FIXED);
	assert_int_equal(out[0].hour, T0 - 800);
	assert_string_equal(out[0].door, "http");
	assert_string_equal(out[0].from, "");
	assert_int_equal(out[1].list, SLIDE);
	assert_string_equal(out[1].from, "192.0.2.7");

	fixed.used_at = fixed.exp; /* nobody would have taken it */
	assert_err(keep_use(&k, &fixed, fixed.exp), MM_ERR_INVALID);
	keeper_end(&k);
	mint_end(&m);
}

/* However many fixed tokens are seen, those that live by their use come
 * first. */
static void test_room(void **state)
{
	(void)state;
	struct mint m;
	struct keeper k;
	struct use_datagram slide = GOOD, fixed = GOOD;
	mint_begin(&m);
	keeper_begin(&k, &m);
	k.seen.max = 3;
	fixed.list = FIXED;
	fixed.auto_refresh = 0;
	for (fixed.idx = 0; fixed.idx < 9; fixed.idx++)
		assert_ok(keep_use(&k, &fixed, T0 + 60));
	assert_int_equal(k.seen.count, 3);
	assert_ok(keep_use(&k, &slide, T0 + 60));
	assert_int_equal(k.uses.count, 1);
	keeper_end(&k);
	mint_end(&m);
}

/* The versions that an agent takes. */
static void test_F29_versions(void **state)
{
	(void)state;
	const struct use_datagram good = GOOD;
	struct use_datagram d = good;
	assert_true(use_datagram_read(&d, sizeof d));
	assert_memory_equal(&d, &good, sizeof d);
	assert_false(use_datagram_read(&d, USE_SIZE_1));
	assert_false(use_datagram_read(&d, sizeof d + 1));
	assert_false(use_datagram_read(&d, sizeof d - 1));
	assert_false(use_datagram_read(&d, 0));
	assert_false(use_datagram_read(&d, -1));

	memcpy(d.magic, USE_MAGIC_1, sizeof d.magic);
	assert_false(use_datagram_read(&d, sizeof d));
	assert_false(use_datagram_read(&d, USE_SIZE_1 - 1));
	assert_false(use_datagram_read(&d, USE_SIZE_1 + 1));
	assert_true(use_datagram_read(&d, USE_SIZE_1));
	assert_string_equal(d.door, "");
	assert_string_equal(d.from, "");
	d.magic[3] = '3';
	assert_false(use_datagram_read(&d, sizeof d));
	assert_false(use_datagram_read(&d, USE_SIZE_1));
}

/* Neither a new state file nor a restart forgets a use. */
static void test_not_forgotten(void **state)
{
	(void)state;
	struct mint m;
	struct keeper k;
	const struct use_datagram use = GOOD;
	mint_begin(&m);
	keeper_begin(&k, &m);
	assert_ok(keep_use(&k, &use, T0 + 60));
	assert_ok(keep_show(&k, NULL));
	const struct state_list *l = state_find(k.live.head, SLIDE);
	assert_int_equal(state_last_use(k.live.head, l, 1), T0 + 50);
	assert_ok(keep_save_uses(&k, NULL));
	assert_ok(keep_checkpoint(&k, NULL));
	keeper_end(&k);

	assert_ok(keep_open(&k, m.path, ISS, DAY, NULL));
	assert_ok(keep_load(&k, T0 + 70, NULL));
	assert_true(k.holds);
	l = state_find(k.live.head, SLIDE);
	assert_int_equal(state_last_use(k.live.head, l, 1), T0 + 50);
	assert_int_equal(replica_list(&k.replica, SLIDE)->last_use[1], 0);
	assert_int_equal(use_table_find(&k.uses, SLIDE, 1)->count, 1);
	assert_int_equal(k.seen.untold, 1);
	keep_close(&k);
	mint_end(&m);
}

/* One that cannot be used is named; where there is none, nothing is said. */
static void test_F2_a_restart_without_uses(void **state)
{
	(void)state;
	struct mint m;
	struct keeper k;
	char path[96];
	mint_begin(&m);
	snprintf(path, sizeof path, "%s.pending", m.path);
	for (int torn = 0; torn < 2; torn++) {
		if (torn)
			assert_ok(file_replace(path, span_str(USE_FILE_MAGIC),
					       0600, NULL));
		assert_ok(keep_open(&k, m.path, ISS, DAY, NULL));
		assert_ok(keep_load(&k, T0, NULL));
		assert_int_equal(strstr(k.lost_uses.text, path) != NULL, torn);
		assert_int_equal(k.lost_uses.text[0] != '\0', torn);
		keep_close(&k);
	}
	mint_end(&m);
}

/* As many as there is room for: a crash loses none of them. */
static void test_F1_full_tables(void **state)
{
	(void)state;
	struct mint m;
	struct keeper k;
	struct use_entry e = token(0, 30 * DAY);
	struct sighting s = { FIXED, 0, T0 - 800, "http", "192.0.2.7" };
	mint_begin(&m);
	keeper_begin(&k, &m);
	for (e.idx = 0; e.idx < USE_TOKENS_MAX; e.idx++)
		assert_ok(use_table_add(&k.uses, &e, 0, T0 + 50));
	for (uint32_t i = 0; k.uses.times < USE_TIMES_MAX; i++) {
		struct use_entry own = token(i, 30 * DAY);
		for (int64_t at = 1; at < USE_CHAIN_MAX; at++)
			(void)!use_table_add(&k.uses, &own, 0,
					     T0 + 50 + at * 31 * DAY);
	}
	for (s.idx = 0; seen_table_add(&k.seen, &s) == MM_OK; s.idx++)
		;
	size_t seen = k.seen.untold;
	assert_int_equal(k.uses.times, USE_TIMES_MAX);
	assert_ok(keep_save_uses(&k, NULL));
	assert_ok(keep_checkpoint(&k, NULL));
	keeper_end(&k); /* without another word */

	assert_ok(keep_open(&k, m.path, ISS, DAY, NULL));
	assert_ok(keep_load(&k, T0 + 70, NULL));
	assert_string_equal(k.lost_uses.text, "");
	assert_int_equal(k.uses.count, USE_TOKENS_MAX);
	assert_int_equal(k.uses.times, USE_TIMES_MAX);
	assert_int_equal(k.seen.untold, seen);
	keep_close(&k);
	mint_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_always_in_use),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_A23_other_numbers),
		cmocka_unit_test(test_F20_no_more_room),
		cmocka_unit_test(test_F20_long_chains),
		cmocka_unit_test(test_promise),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_meanwhile),
		cmocka_unit_test(test_F2_file_refused),
		cmocka_unit_test(test_file_odd),
		cmocka_unit_test(test_datagram),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_F29_versions),
		cmocka_unit_test(test_not_forgotten),
		cmocka_unit_test(test_F2_a_restart_without_uses),
		cmocka_unit_test(test_F1_full_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
