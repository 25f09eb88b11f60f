/* contest.c - servers that take turns: see contest.h. */
#include "tests/bench/contest.h"

/* ---- the processors' time ---- */

static double server_time(const struct rival *r)
{
	double ns = 0;
	clockid_t clock;
	struct timespec t;
	for (size_t i = 0; r->pid[i] != 0; i++)
		if (clock_getcpuclockid(r->pid[i], &clock) == 0 &&
		    clock_gettime(clock, &t) == 0)
			ns += (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
	return ns;
}

/* ---- rounds ---- */

static enum mm_err run_full(struct rival *r, double ns)
{
	double from = ns_now(), server = server_time(r);
	TRY(load_full(&r->load, ns, &r->now));
	double elapsed = ns_now() - from;
	TRY(times_add(&r->server, (server_time(r) - server) / elapsed));
	TRY(times_add(&r->client, r->now.busy));
	if (r->base != NULL)
		TRY(times_add(&r->shares, r->base->now.each / r->now.each));
	return times_add(&r->rounds, r->now.each);
}

static enum mm_err run_half(struct rival *r, double ns)
{
	AUTO_TIMES struct times waited = { 0 };
	TRY(load_paced(&r->load, ns, 2 * r->now.each, &waited));
	TRY(times_add(&r->p50, times_rank(&waited, 50)));
	return times_add(&r->p99, times_rank(&waited, 99));
}

static enum mm_err run_rounds(const struct bench *b, struct rival *r, size_t n)
{
	double ns = b->quick ? 50e6 : 500e6;
	for (size_t round = 0; round < b->rounds; round++)
		for (size_t i = 0; i < n; i++) {
			TRY(run_full(&r[i], ns));
			TRY(run_half(&r[i], ns));
		}
	return MM_OK;
}

/* Connect, and warm up. */
static enum mm_err open_all(struct bench *b, struct rival *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		TRY(load_open(&r[i].load, r[i].at, &r[i].ask, &b->why));
		TRY(load_full(&r[i].load, b->quick ? 20e6 : 500e6, &r[i].now));
	}
	return MM_OK;
}

/* ---- figures ---- */

static double percent(struct times *shares)
{
	return (double)(int)(times_rank(shares, 50) * 1000 + 0.5) / 10;
}

static void tell(struct rival *r, struct row *row)
{
	row_tell(row, &r->rounds, 50);
	row_fact(row, "a_second", (double)(int)(1e9 / row->ns));
	row_fact(row, "p50", times_rank(&r->p50, 50));
	row_fact(row, "p99", times_rank(&r->p99, 50));
	row_fact(row, "server_percent", percent(&r->server));
	row_fact(row, "client_percent", percent(&r->client));
	if (r->base != NULL)
		row_fact(row, r->of, percent(&r->shares));
	row_how(row, "%u connections; p50, p99 at half of that",
		LOAD_CONNECTIONS);
}

enum mm_err contest_run(struct bench *b, struct rival *r, size_t n,
			struct row *rows)
{
	struct processors before;
	processors_keep(&before);
	processors_use(&before, CONTEST_CLIENT);
	enum mm_err e = open_all(b, r, n);
	if (e == MM_OK)
		e = run_rounds(b, r, n);
	processors_restore(&before);
	TRY(e);
	for (size_t i = 0; i < n; i++)
		tell(&r[i], &rows[i]);
	return MM_OK;
}

void contest_free(struct rival *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rival *one = &r[i];
		struct times *all[] = { &one->rounds, &one->shares,
					&one->server, &one->client,
					&one->p50,    &one->p99 };
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			times_free(all[k]);
		questions_free(&one->ask);
		load_close(&one->load);
	}
}
