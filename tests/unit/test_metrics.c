/* test_metrics.c - counters, histograms, and the page as Prometheus reads
 * it. */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "common/metrics.h"

/* ---- a program's metrics ---- */

struct app {
	struct counter opened;
	struct histogram took;
};

static void read_doors_opened_total(void *app, struct metrics_page *p)
{
	const struct app *a = app;
	metrics_put(p, (double)counter_get(&a->opened),
		    METRIC_LABELS("a \"b\"\\\n", "x"));
	metrics_put(p, 0, METRIC_LABELS("", "y"));
}

static void read_took_seconds(void *app, struct metrics_page *p)
{
	const struct app *a = app;
	metrics_put_histogram(p, &a->took, METRIC_LABELS("front"));
}

static void read_age_seconds(void *app, struct metrics_page *p)
{
	(void)app;
	metrics_put(p, 0.25, METRIC_NO_LABELS);
}

static void read_sequence(void *app, struct metrics_page *p)
{
	(void)app;
	metrics_put(p, 123456789012345, METRIC_NO_LABELS);
}

static void read_none(void *app, struct metrics_page *p)
{
	(void)app;
	(void)p;
}

/* clang-format off */
#define METRICS(X) \
	X(doors_opened_total, COUNTER,   "door way", "Doors.") \
	X(took_seconds,       HISTOGRAM, "door",     "How long.") \
	X(age_seconds,        GAUGE,     "",         "How old.") \
	X(sequence,           GAUGE,     "",         "Where.") \
	X(none,               GAUGE,     "",         "Nothing.")
/* clang-format on */

static const struct metric rows[] = { METRICS(METRIC_ROW) };

static struct span page_of(struct app *a, struct buf *b)
{
	const struct metrics m = { "t_", rows, ROWS(rows), a };
	*b = buf_new(1 << 16);
	metrics_write(&m, b);
	return done(b);
}

static bool has_line(struct span page, const char *line)
{
	struct span at;
	while (span_cut(&page, '\n', &at))
		if (span_is(at, line))
			return true;
	return false;
}

static void expect_line(struct app *a, const char *line)
{
	AUTO_BUF struct buf b;
	struct span page = page_of(a, &b);
	if (!has_line(page, line))
		fail_msg("no line\n%s\nin\n%.*s", line, (int)page.len,
			 (const char *)page.at);
}

/* ---- tests ---- */

static void test_page(void **state)
{
	static const char *const lines[] = {
		"# HELP t_doors_opened_total Doors.",
		"# TYPE t_doors_opened_total counter",
		"t_doors_opened_total{door=\"a \\\"b\\\"\\\\\\n\",way=\"x\"} 3",
		"t_doors_opened_total{door=\"\",way=\"y\"} 0",
		"# TYPE t_took_seconds histogram",
		"# TYPE t_age_seconds gauge",
		"t_age_seconds 0.25",
		"t_sequence 123456789012345",
		"# HELP t_none Nothing.",
		"# TYPE t_none gauge",
	};
	struct app a = { 0 };
	(void)state;
	counter_add(&a.opened, 1);
	counter_add(&a.opened, 2);
	for (size_t i = 0; i < ROWS(lines); i++)
		expect_line(&a, lines[i]);
}

/* A bound is in its own bucket, and each bucket has all the smaller ones. */
static void test_histogram(void **state)
{
	static const char *const lines[] = {
		"t_took_seconds_bucket{door=\"front\",le=\"5e-05\"} 2",
		"t_took_seconds_bucket{door=\"front\",le=\"0.0001\"} 3",
		"t_took_seconds_bucket{door=\"front\",le=\"0.00025\"} 3",
		"t_took_seconds_bucket{door=\"front\",le=\"1\"} 4",
		"t_took_seconds_bucket{door=\"front\",le=\"30\"} 4",
		"t_took_seconds_bucket{door=\"front\",le=\"+Inf\"} 5",
		"t_took_seconds_sum{door=\"front\"} 41.0001",
		"t_took_seconds_count{door=\"front\"} 5",
	};
	struct app a = { 0 };
	(void)state;
	histogram_add(&a.took, 50000);
	histogram_add(&a.took, 50001);
	histogram_add(&a.took, -1); /* no clock of ours goes back */
	histogram_add(&a.took, 1000000000);
	histogram_add(&a.took, 40000000000);
	for (size_t i = 0; i < ROWS(lines); i++)
		expect_line(&a, lines[i]);
}

/* The page is all or nothing: half of one would look like zeros. */
static void test_a_page_too_large(void **state)
{
	struct app a = { 0 };
	const struct metrics m = { "t_", rows, ROWS(rows), &a };
	AUTO_BUF struct buf b = buf_new(100);
	struct span page;
	(void)state;
	metrics_write(&m, &b);
	assert_int_equal(buf_done(&b, &page), MM_ERR_TOO_LARGE);
}

enum { THREADS = 4, TIMES = 100000 };

static void *count(void *app)
{
	struct app *a = app;
	for (int i = 0; i < TIMES; i++) {
		counter_add(&a->opened, 1);
		histogram_add(&a->took, i);
	}
	return NULL;
}

/* None is lost, and a page meanwhile never has more in a bucket than in a
 * larger one (sanitizers see to the rest). */
static void test_many_threads(void **state)
{
	struct app a = { 0 };
	pthread_t t[THREADS];
	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count, &a), 0);
	for (int i = 0; i < 20; i++) {
		AUTO_BUF struct buf b;
		(void)page_of(&a, &b);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(counter_get(&a.opened), THREADS * TIMES);
	expect_line(&a, "t_took_seconds_count{door=\"front\"} 400000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_a_page_too_large),
		cmocka_unit_test(test_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
