/* system_mint.c - minting over HTTP: 32 clients at once, each asking for
 * the next token when it has one; every token is authenticated, signed and
 * durable before it is answered.  ns is from one token to the next, p50 and
 * p99 are what a client waits. */
#include "tests/bench/system.h"

#define CLIENTS 32u

struct minting {
	struct span request;
	double until;
	struct times waited;
	size_t busy;
};

static enum mm_err answered(void *ctx, struct conn *c)
{
	struct minting *x = ctx;
	double now = ns_now();
	if (c->status != 201)
		return MM_ERR_UNAVAILABLE;
	TRY(times_add(&x->waited, now - c->asked_at));
	x->busy--;
	if (now >= x->until)
		return MM_OK;
	x->busy++;
	return conn_send(c, x->request);
}

/* Elapsed time, until the last answer is there. */
static enum mm_err mint_for(struct minting *x, struct crowd *crowd, double ns,
			    double *elapsed)
{
	double from = ns_now();
	x->until = from + ns;
	for (size_t i = 0; i < crowd->count; i++, x->busy++)
		TRY(conn_send(&crowd->conn[i], x->request));
	while (x->busy > 0)
		TRY(crowd_wait(crowd, 1000, answered, x));
	*elapsed = ns_now() - from;
	return MM_OK;
}

static enum mm_err tell(struct minting *x, double elapsed, struct row *row)
{
	row_tell(row, &x->waited, 50);
	row_spread(row, &x->waited);
	row->ns = elapsed / (double)x->waited.count;
	row->min = row->max = row->ns; /* one figure, of all of them */
	row_fact(row, "a_second", (double)x->waited.count * 1e9 / elapsed);
	row_how(row, "%u connections, each token durable", CLIENTS);
	return MM_OK;
}

static void minting_end(struct minting *x)
{
	times_free(&x->waited);
}

static enum mm_err mint_run(struct bench *b, void *ctx, struct row *rows)
{
	AUTO_HOST struct host h = { 0 };
	AUTO_CROWD struct crowd crowd = { 0 };
	AUTO_BUF struct buf text = buf_new(4096);
	__attribute__((cleanup(minting_end))) struct minting x = { 0 };
	double elapsed;
	(void)ctx;
	TRY(host_open(b, "mint", &h));
	http_request(&text, "POST", "/v1/tokens", h.admin.token, host_grant);
	TRY(buf_done(&text, &x.request));
	TRY(crowd_open(&crowd, CLIENTS, (struct place){ .port = h.port }));
	TRY(mint_for(&x, &crowd, b->quick ? 1e8 : 5e8, &elapsed));
	times_free(&x.waited); /* that was to warm up */
	TRY(mint_for(&x, &crowd, b->quick ? 2e8 : 5e9, &elapsed));
	return tell(&x, elapsed, rows);
}

const struct probe system_mint = {
	.row = { "mint.http" },
	.once = true,
	.run = mint_run,
};
