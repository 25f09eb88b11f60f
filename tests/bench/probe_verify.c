/* probe_verify.c - mm_verify(): tokens never seen before, and tokens that
 * have been seen; one thread and two; a live state all the while. */
#include <pthread.h>

#include "tests/bench/live.h"
#include "verifier/include/mintmark/verify.h"

#define THREADS_MAX 2
#define SAMPLE_NS   20e6 /* a figure is never of less than that */
#define BETWEEN	    200u /* tokens between two looks at the clock */

/* What one thread does; nothing of it on another's cache lines. */
struct part {
	_Alignas(128) struct mm_verifier *v;
	struct tokens tokens; /* in the order to ask about them */
	size_t next;
	bool once; /* through all, once; else for SAMPLE_NS */
	pthread_barrier_t *line;
	double began, ended;
	size_t done;
	enum mm_err failed;
};

struct verifying {
	struct bench *bench;
	struct mm_verifier *v; /* hot rows: one for all rounds */
	size_t threads;
	struct part part[THREADS_MAX];
};

/* ---- one sample ---- */

static void verify_some(struct part *p, size_t n)
{
	struct mm_token t;
	for (; n > 0 && p->failed == MM_OK; n--) {
		struct span text = p->tokens.at[p->next];
		p->failed =
			mm_verify(p->v, (const char *)text.at, text.len, &t);
		p->next = p->next + 1 < p->tokens.count ? p->next + 1 : 0;
		p->done++;
	}
}

static void *part_run(void *arg)
{
	struct part *p = arg;
	p->done = 0;
	pthread_barrier_wait(p->line);
	p->began = ns_now();
	do {
		verify_some(p, p->once ? p->tokens.count : BETWEEN);
		p->ended = ns_now();
	} while (!p->once && p->failed == MM_OK &&
		 p->ended - p->began < SAMPLE_NS);
	return NULL;
}

/* All parts from one starting line; this thread is the last of them. */
static enum mm_err run_parts(struct verifying *x)
{
	pthread_t other[THREADS_MAX];
	pthread_barrier_t line;
	size_t last = x->threads - 1;
	pthread_barrier_init(&line, NULL, (unsigned)x->threads);
	for (size_t i = 0; i <= last; i++)
		x->part[i].line = &line;
	for (size_t i = 0; i < last; i++) /* or the others wait for ever */
		MM_ASSERT(pthread_create(&other[i], NULL, part_run,
					 &x->part[i]) == 0);
	part_run(&x->part[last]);
	for (size_t i = 0; i < last; i++)
		pthread_join(other[i], NULL);
	pthread_barrier_destroy(&line);
	for (size_t i = 0; i <= last; i++)
		TRY(x->part[i].failed);
	return MM_OK;
}

/* Elapsed time for each token that any of them verified. */
static double sum_up(const struct verifying *x)
{
	double began = x->part[0].began, ended = x->part[0].ended;
	size_t done = 0;
	for (size_t i = 0; i < x->threads; i++) {
		const struct part *p = &x->part[i];
		began = p->began < began ? p->began : began;
		ended = p->ended > ended ? p->ended : ended;
		done += p->done;
	}
	return (ended - began) / (double)done;
}

static enum mm_err measure(struct verifying *x, struct row *row)
{
	struct live live;
	TRY(live_start(&live, x->bench->mint));
	enum mm_err e = run_parts(x);
	TRY(live_stop(&live));
	TRY(e);
	return times_add(&row->rounds, sum_up(x));
}

/* ---- opening ---- */

static enum mm_err open_verifier(struct bench *b, size_t cache_size,
				 struct mm_verifier **out)
{
	struct mm_options opt = { .state = b->mint->state,
				  .audience = "files",
				  .cache_size = cache_size };
	return mm_open(&opt, out);
}

static void verifying_close(void *ctx)
{
	struct verifying *x = ctx;
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->threads; i++)
		tokens_free(&x->part[i].tokens);
	mm_close(x->v);
	free(x);
}

static enum mm_err verifying_new(struct bench *b, size_t threads, void **ctx)
{
	struct verifying *x =
		aligned_alloc(_Alignof(struct verifying), sizeof *x);
	if (x == NULL)
		return MM_ERR_NOMEM;
	memset(x, 0, sizeof *x);
	x->bench = b;
	x->threads = threads;
	*ctx = x;
	return MM_OK;
}

/* ---- first sight: every round a new verifier, which knows nothing ---- */

static enum mm_err first_open(struct bench *b, size_t threads, void **ctx)
{
	size_t each = b->mint->first.count / threads;
	TRY(verifying_new(b, threads, ctx));
	struct verifying *x = *ctx;
	for (size_t i = 0; i < threads; i++) {
		struct tokens mine = { .at = b->mint->first.at + i * each };
		x->part[i].once = true;
		TRY(tokens_shuffled(&mine, each, i, &x->part[i].tokens));
	}
	return MM_OK;
}

static enum mm_err first_open_1(struct bench *b, void **ctx)
{
	return first_open(b, 1, ctx);
}

static enum mm_err first_open_2(struct bench *b, void **ctx)
{
	return first_open(b, 2, ctx);
}

static enum mm_err first_run(struct bench *b, void *ctx, struct row *rows)
{
	struct verifying *x = ctx;
	TRY(open_verifier(b, 0, &x->v));
	for (size_t i = 0; i < x->threads; i++)
		x->part[i].v = x->v;
	enum mm_err e = measure(x, rows);
	mm_close(x->v);
	x->v = NULL;
	return e;
}

const struct probe probe_first_sight = {
	.row = { "verify.first_sight" },
	.open = first_open_1,
	.run = first_run,
	.close = verifying_close,
};
const struct probe probe_first_sight_2 = {
	.row = { "verify.first_sight.2threads" },
	.open = first_open_2,
	.run = first_run,
	.close = verifying_close,
};

/* ---- hot: one verifier, which has seen them all ---- */

static enum mm_err warm(struct verifying *x, const struct tokens *t,
			size_t count)
{
	struct mm_token token;
	for (size_t i = 0; i < count; i++)
		TRY(mm_verify(x->v, (const char *)t->at[i].at, t->at[i].len,
			      &token));
	return MM_OK;
}

static enum mm_err hot_fill(struct verifying *x, const struct tokens *t,
			    size_t count, size_t cache_size)
{
	TRY(open_verifier(x->bench, cache_size, &x->v));
	TRY(warm(x, t, count));
	for (size_t i = 0; i < x->threads; i++) {
		x->part[i].v = x->v;
		TRY(tokens_shuffled(t, count, 100 + i, &x->part[i].tokens));
	}
	return MM_OK;
}

static enum mm_err hot_open_1k(struct bench *b, size_t threads, void **ctx)
{
	TRY(verifying_new(b, threads, ctx));
	return hot_fill(*ctx, &b->mint->first, bench_count(b, 1000, 100), 0);
}

static enum mm_err hot_open_1k_1(struct bench *b, void **ctx)
{
	return hot_open_1k(b, 1, ctx);
}

static enum mm_err hot_open_1k_2(struct bench *b, void **ctx)
{
	return hot_open_1k(b, 2, ctx);
}

static enum mm_err hot_open_100k(struct bench *b, void **ctx)
{
	AUTO_TOKENS struct tokens t = { 0 };
	size_t count = bench_count(b, 100000, 1000);
	TRY(verifying_new(b, 1, ctx));
	TRY(mint_tokens(b->mint, b->mint->first.count, count, &t));
	return hot_fill(*ctx, &t, count, 128u << 20);
}

static enum mm_err hot_run(struct bench *b, void *ctx, struct row *rows)
{
	(void)b;
	return measure(ctx, rows);
}

const struct probe probe_hot_1k = {
	.row = { "verify.hot_1k" },
	.open = hot_open_1k_1,
	.run = hot_run,
	.close = verifying_close,
};
const struct probe probe_hot_1k_2 = {
	.row = { "verify.hot_1k.2threads" },
	.open = hot_open_1k_2,
	.run = hot_run,
	.close = verifying_close,
};
const struct probe probe_hot_100k = {
	.row = { "verify.hot_100k" },
	.open = hot_open_100k,
	.run = hot_run,
	.close = verifying_close,
};
