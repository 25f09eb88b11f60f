/* probe_verify.c - mm_verify(): tokens never seen before, and tokens that
 * have been seen; one thread and two; a live state all the while. */
#include "tests/bench/live.h"
#include "verifier/include/mintmark/verify.h"

#define SAMPLE_NS 60e6 /* a hundred times what a first, cold pass takes */
#define BETWEEN	  200u /* tokens between two looks at the clock */

/* What one thread does; nothing of it on another's cache lines. */
struct part {
	_Alignas(128) struct mm_verifier *v;
	struct tokens tokens; /* in the order to ask about them */
	size_t next;
	bool once; /* through all, once; else for SAMPLE_NS */
	size_t done;
	enum mm_err failed;
};

struct verifying {
	struct bench *bench;
	struct mm_verifier *v; /* hot rows: one for all rounds */
	size_t threads;
	struct part part[PARALLEL_MAX];
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

static void part_run(void *arg)
{
	struct part *p = arg;
	double until = ns_now() + SAMPLE_NS;
	p->done = 0;
	do
		verify_some(p, p->once ? p->tokens.count : BETWEEN);
	while (!p->once && p->failed == MM_OK && ns_now() < until);
}

/* Elapsed time for each token that any of them verified. */
static enum mm_err run_parts(struct verifying *x, double *ns)
{
	void *parts[PARALLEL_MAX] = { NULL };
	size_t done = 0;
	for (size_t i = 0; i < x->threads; i++)
		parts[i] = &x->part[i];
	*ns = parallel_run(x->threads, part_run, parts);
	for (size_t i = 0; i < x->threads; i++) {
		TRY(x->part[i].failed);
		done += x->part[i].done;
	}
	*ns /= (double)done;
	return MM_OK;
}

static enum mm_err measure(struct verifying *x, struct row *row)
{
	struct live live;
	double ns;
	TRY(live_start(&live, x->bench->mint));
	enum mm_err e = run_parts(x, &ns);
	TRY(live_stop(&live));
	TRY(e);
	return times_add(&row->rounds, ns);
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
