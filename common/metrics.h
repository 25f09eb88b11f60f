/* metrics.h - counters, histograms, and the page that shows them to
 * Prometheus (its text format, version 0.0.4).
 *
 * A program lists its metrics once, and has a function for each that puts
 * its samples on the page:
 *
 *	//   name                 type     labels   help
 *	#define ISSUER_METRICS(X)
 *		X(tokens_minted_total, COUNTER, "model", "Tokens made.")
 *
 *	static void read_tokens_minted_total(void *app, struct metrics_page *p)
 *	{
 *		metrics_put(p, 4, METRIC_LABELS("fixed"));
 *	}
 *	static const struct metric rows[] = { ISSUER_METRICS(METRIC_ROW) };
 *
 * docs/metrics.md has the same list; tests/flow/metrics.py holds the two
 * together.  What a label may say must be few words, known beforehand: never
 * a path, a user, a token's id.
 *
 * Threads: counting from any, without a lock; a page by one at a time.
 */
#ifndef MM_COMMON_METRICS_H
#define MM_COMMON_METRICS_H

#include <stdatomic.h>

#include "common/buf.h"

/* ---- counting ---- */

/* All zeros is a good one. */
struct counter {
	_Atomic uint64_t n;
};

static inline void counter_add(struct counter *c, uint64_t n)
{
	atomic_fetch_add_explicit(&c->n, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *c)
{
	return atomic_load_explicit(&c->n, memory_order_relaxed);
}

#define HISTOGRAM_BOUNDS 18 /* from 50 us to 30 s */

/* How long something took: how often up to each bound.  All zeros is a good
 * one. */
struct histogram {
	struct counter bucket[HISTOGRAM_BOUNDS + 1];
	struct counter sum; /* ns */
};

void histogram_add(struct histogram *h, int64_t ns);

/* ---- the page ---- */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics_page;

struct metric {
	const char *name; /* the program's prefix comes before it */
	enum metric_type type;
	const char *labels; /* words separated by spaces; "": none */
	const char *help;
	void (*read)(void *app, struct metrics_page *p);
};
#define METRIC_ROW(name, type, labels, help)                                   \
	{ #name, METRIC_##type, labels, help, read_##name },

struct metrics {
	const char *prefix; /* "mintmark_" */
	const struct metric *rows;
	size_t count;
	void *app;
};

/* The whole page, appended to *out. */
void metrics_write(const struct metrics *m, struct buf *out);

/* For the read functions: one sample of the row whose turn it is, with a
 * value for each of its labels, in their order; they are escaped. */
void metrics_put(struct metrics_page *p, double value,
		 const char *const *labels);
void metrics_put_histogram(struct metrics_page *p, const struct histogram *h,
			   const char *const *labels);
#define METRIC_LABELS(...)                                                     \
	((const char *const[]){                                                \
		__VA_ARGS__,                                                   \
		NULL,                                                          \
	})
#define METRIC_NO_LABELS ((const char *const[]){ NULL })

#endif
