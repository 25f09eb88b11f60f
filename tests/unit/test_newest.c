/* test_newest.c - what DATA/newest says, against the store that is there. */
#include "issuer/newest.h"

#include "tests/unit/store_fixture.h"

#define OTHER	"00112233445566778899aabbccddeeff"
#define ANOTHER "AAAAAAAAAAAAAAAAAAAAAA"
#define LINE	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void put_line(struct fixture *f, const char *line)
{
	char path[128];
	snprintf(path, sizeof path, "%s/newest", f->dir);
	assert_int_equal(file_replace(path, span_str(line), 0600, NULL), MM_OK);
}

static struct newest end_of(struct fixture *f)
{
	struct newest n, end;
	assert_int_equal(store_newest(f->s, &n), MM_OK);
	assert_int_equal(store_look(f->s, &end), MM_OK);
	n.audit = end.audit;
	return n;
}

static void publish(struct fixture *f, struct newest n)
{
	struct newest said = { .seq = 0 };
	assert_int_equal(newest_save(f->dir, &n, &said, NULL), MM_OK);
	assert_int_equal(said.seq, n.seq);
}

static struct newest published(struct fixture *f)
{
	struct newest n;
	assert_int_equal(newest_read(f->dir, &n, NULL), MM_OK);
	return n;
}

/* The history that ends with the event before the last one. */
static void history_before(struct fixture *f, struct newest *n)
{
	struct event e;
	size_t count = 0;
	const struct log_place at = { NULL, n->seq - 2, NULL };
	assert_int_equal(store_events(f->s, &at, 1, &e, &count), MM_OK);
	assert_int_equal(e.seq, n->seq - 1);
	memcpy(n->history, e.history, sizeof n->history);
}

static int tear_down_all(void **state)
{
	struct fixture *f = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/newest", f->dir);
	unlink(path);
	return tear_down(state);
}

static void test_F16_what_was_published(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		bool same;
		int seq, began; /* more than the store's */
		enum mm_err want;
		bool another; /* event with that number */
	} rows[] = {
		{ "the store's end", true, 0, 0, MM_OK, false },
		{ "before it", true, -1, 0, MM_OK, false },
		{ "behind it", true, 1, 0, MM_ERR_CONFLICT, false },
		{ "another end", true, 0, 0, MM_ERR_CONFLICT, true },
		{ "gone on from before", true, -1, 0, MM_ERR_CONFLICT, true },
		{ "a history of before", false, 1, -1, MM_OK, true },
		{ "another, as old", false, -1, 0, MM_ERR_CONFLICT, false },
		{ "a later one", false, -1, 1, MM_ERR_CONFLICT, false },
	};
	assert_int_equal(newest_check(f->dir, f->s, NULL), MM_OK);
	(void)mint(f, DAY, 0);
	assert_int_equal(store_key_add(f->s, "kid00000002", "{}", &by_unit),
			 MM_OK);
	assert_int_equal(store_begin_history(f->s, 0), MM_OK);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct newest n = end_of(f);
		if (rows[i].seq < 0)
			history_before(f, &n);
		n.seq += (uint64_t)rows[i].seq;
		n.began += rows[i].began;
		if (!rows[i].same)
			memcpy(n.epoch, OTHER, sizeof OTHER);
		if (rows[i].another)
			memcpy(n.history, ANOTHER, sizeof ANOTHER);
		publish(f, n);
		assert_int_equal(published(f).began, n.began);
		expect(rows[i].name, newest_check(f->dir, f->s, NULL),
		       rows[i].want);
	}
}

/* One that came with its store follows none. */
static void test_F16_a_new_store_is_later_than_none(void **state)
{
	struct fixture *f = *state;
	struct newest n = end_of(f);
	struct why why = { .text = "" };
	assert_int_equal(n.began, 0);
	memcpy(n.epoch, OTHER, sizeof OTHER);
	publish(f, n);
	assert_int_equal(newest_check(f->dir, f->s, &why), MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "--restored"));
}

/* What a store lost while it was published is still known at the next start. */
static void test_F16_nothing_older_is_kept(void **state)
{
	static const struct {
		const char *name;
		bool same, saved;
		int seq, began; /* more than what was said */
	} rows[] = {
		{ "the same", true, false, 0, 0 },
		{ "an event less", true, false, -1, 0 },
		{ "one more, that has a digit more", true, true, 1, 0 },
		{ "a history of before", false, false, 1, -1 },
		{ "another, as old", false, false, 1, 0 },
		{ "a later one, with less", false, true, -1, 1 },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct newest said = { .seq = 0 }, at;
		struct newest is = { .epoch = OTHER,
				     .seq = INT64_C(9999999999),
				     .began = 7,
				     .history = ANOTHER };
		publish(f, is);
		at = said = is;
		is.seq += (uint64_t)rows[i].seq;
		is.began += rows[i].began;
		if (!rows[i].same)
			is.epoch[0] = 'f';
		assert_int_equal(newest_save(f->dir, &is, &said, NULL), MM_OK);
		const struct newest *want = rows[i].saved ? &is : &at;
		assert_string_equal(published(f).epoch, want->epoch);
		assert_int_equal(published(f).seq, want->seq);
		assert_int_equal(published(f).began, want->began);
	}
}

/* A mint is no event: only the audit says that one was lost. */
static void test_F16_what_was_written_down(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		int more; /* lines than the store has */
		enum mm_err want;
		bool another;
	} rows[] = {
		{ "the store's end", 0, MM_OK, false },
		{ "a line that it lacks", 1, MM_ERR_CONFLICT, false },
		{ "another end", 0, MM_ERR_CONFLICT, true },
		{ "gone on from before", -1, MM_ERR_CONFLICT, true },
	};
	(void)mint(f, DAY, 0);
	struct newest was = end_of(f);
	publish(f, was);
	(void)mint(f, DAY, 0);
	assert_int_equal(end_of(f).seq, was.seq);
	assert_int_equal(newest_check(f->dir, f->s, NULL), MM_OK);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct newest n = end_of(f);
		struct why why = { .text = "" };
		n.audit.seq += (uint64_t)(int64_t)rows[i].more;
		if (rows[i].another)
			memcpy(n.audit.digest, LINE, sizeof LINE);
		publish(f, n);
		assert_string_equal(published(f).audit.digest, n.audit.digest);
		expect(rows[i].name, newest_check(f->dir, f->s, &why),
		       rows[i].want);
		assert_int_equal(strstr(why.text, "of the audit") != NULL,
				 rows[i].want != MM_OK);
	}
}

static void test_F16_more_of_the_audit_is_kept(void **state)
{
	struct fixture *f = *state;
	(void)mint(f, DAY, 0);
	struct newest was = end_of(f), said = { .seq = 0 };
	assert_int_equal(newest_save(f->dir, &was, &said, NULL), MM_OK);
	(void)mint(f, DAY, 0);
	struct newest is = end_of(f);
	assert_int_equal(newest_save(f->dir, &is, &said, NULL), MM_OK);
	assert_int_equal(published(f).audit.seq, was.audit.seq + 1);
	assert_int_equal(newest_save(f->dir, &was, &said, NULL), MM_OK);
	assert_int_equal(published(f).audit.seq, was.audit.seq + 1);
}

/* Whatever the clocks say. */
static void test_F16_each_history_is_later(void **state)
{
	struct fixture *f = *state;
	const int64_t ahead = INT64_C(9000000000);
	const int64_t after[] = { 0, ahead, 0, ahead - 5 };
	for (size_t i = 0; i < ROWS(after); i++) {
		struct newest was = end_of(f);
		assert_int_equal(store_begin_history(f->s, after[i]), MM_OK);
		struct newest is = end_of(f);
		assert_string_not_equal(is.epoch, was.epoch);
		assert_true(is.began > was.began && is.began > after[i]);
	}
	assert_int_equal(end_of(f).began, ahead + 3);
}

static void of_before_the_audit_stood_there(void **state)
{
	struct fixture *f = *state;
	put_line(f, OTHER " 5 1 " ANOTHER "\n");
	assert_int_equal(published(f).seq, 5);
	assert_int_equal(published(f).audit.seq, 0);
}

static void half_a_line_is_none(void **state)
{
	static const char *const lines[] = {
		"",
		OTHER " 5 1\n",
		OTHER " 5 1 " ANOTHER,
		OTHER " 5 1 " ANOTHER "\n\n",
		OTHER " 5 1 A" ANOTHER "\n",
		OTHER " 5 1 !!" ANOTHER "\n",
		OTHER " 5 " ANOTHER "\n",
		OTHER " 0 1 " ANOTHER "\n",
		OTHER " 5 -1 " ANOTHER "\n",
		OTHER " 5  1 " ANOTHER "\n",
		OTHER " x 1 " ANOTHER "\n",
		OTHER "0 5 1 " ANOTHER "\n",
		OTHER " 99999999999999999999 1 " ANOTHER "\n",
		" 5 1 " ANOTHER "\n",
		"\n",
		OTHER " 5 9223372036854775807 " ANOTHER "\n",
		OTHER " 5 1 " ANOTHER " \n",
		OTHER " 5 1 " ANOTHER " 7\n",
		OTHER " 5 1 " ANOTHER " 0 " LINE "\n",
		OTHER " 5 1 " ANOTHER " 7 A" LINE "\n",
		OTHER " 5 1 " ANOTHER " 7 " ANOTHER "\n",
		OTHER " 5 1 " ANOTHER " 7 " LINE " \n",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ROWS(lines); i++) {
		struct why why = { .text = "" };
		put_line(f, lines[i]);
		expect(lines[i], newest_check(f->dir, f->s, &why),
		       MM_ERR_INVALID);
		assert_non_null(strstr(why.text, "newest is damaged"));
		assert_int_equal(published(f).seq, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_F16_what_was_published),
		TEST(test_F16_a_new_store_is_later_than_none),
		TEST(test_F16_nothing_older_is_kept),
		TEST(test_F16_each_history_is_later),
		TEST(test_F16_what_was_written_down),
		TEST(test_F16_more_of_the_audit_is_kept),
		TEST(of_before_the_audit_stood_there),
		TEST(half_a_line_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
