/* probe_status.c - what revocation costs a check, and the memory it takes,
 * with ten million live tokens of which a tenth is revoked. */
#include <sys/stat.h>

#include "common/clock.h"
#include "tests/bench/samples.h"
#include "verifier/include/mintmark/verify.h"

#define LISTS	   10u
#define LIVE	   10000000u
#define REVOKED	   1000000u
#define OPEN_TIMES 20u

struct crowded {
	char path[80];
	struct replica replica;
	struct state_writer writer;
	struct state_map *map;
	size_t live, revoked, asked;
	struct pair {
		uint32_t list, idx;
	} * pair;
};

/* ---- a full state ---- */

static struct pair any_token(const struct crowded *x, uint64_t *seed)
{
	size_t i = random_below(seed, x->live);
	return (struct pair){ 1 + (uint32_t)(i % LISTS),
			      (uint32_t)(i / LISTS) };
}

static void revoke_some(struct crowded *x)
{
	uint64_t seed = 1;
	for (size_t done = 0; done < x->revoked;) {
		struct pair p = any_token(x, &seed);
		struct list *l = replica_list(&x->replica, p.list);
		if (status_get(l->status, p.idx) != STATUS_VALID)
			continue;
		list_put_status(l, p.idx, STATUS_REVOKED);
		done++;
	}
}

static enum mm_err fill_state(struct crowded *x, struct jwk *key,
			      struct why *why)
{
	struct replica *r = &x->replica;
	struct list *l;
	(void)span_copy(r->iss, sizeof r->iss, span_str(SAMPLE_ISSUER));
	memset(r->epoch, '0', sizeof r->epoch - 1);
	r->seq = 1;
	r->iat = clock_now();
	TRY(jwk_set_add(&r->keys, key));
	for (uint32_t i = 1; i <= LISTS; i++)
		TRY(replica_add_list(r, i, LIST_FIXED, LIST_SIZE_MAX,
				     r->iat + 400 * DAY, &l));
	revoke_some(x);
	TRY(state_create(&x->writer, x->path, r, NULL, DAY, why));
	state_put_head(&x->writer, r->seq, r->iat);
	return state_install(&x->writer, why);
}

static enum mm_err pick_pairs(struct crowded *x)
{
	uint64_t seed = 2;
	x->pair = calloc(x->asked, sizeof *x->pair);
	if (x->pair == NULL)
		return MM_ERR_NOMEM;
	for (size_t i = 0; i < x->asked; i++)
		x->pair[i] = any_token(x, &seed);
	return MM_OK;
}

static enum mm_err crowded_open(struct bench *b, const char *name, void **ctx)
{
	struct crowded *x = calloc(1, sizeof *x);
	if (x == NULL)
		return MM_ERR_NOMEM;
	*ctx = x;
	x->writer = STATE_WRITER_NONE;
	x->live = bench_count(b, LIVE, LIVE / 100);
	x->revoked = x->live / (LIVE / REVOKED);
	x->asked = x->live / 10;
	snprintf(x->path, sizeof x->path, "%s/%s", b->folder, name);
	TRY(fill_state(x, b->mint->key, &b->why));
	TRY(pick_pairs(x));
	return state_map_open(x->path, &x->map, &b->why);
}

static void crowded_close(void *ctx)
{
	struct crowded *x = ctx;
	if (x == NULL)
		return;
	state_map_close(x->map);
	state_writer_close(&x->writer);
	replica_free(&x->replica);
	free(x->pair);
	free(x);
}

/* ---- asking ---- */

static double time_lookups(const struct crowded *x, size_t *revoked)
{
	const struct state_header *h = x->map->head;
	double from = ns_now();
	for (size_t i = 0; i < x->asked; i++) {
		struct pair p = x->pair[i];
		*revoked += state_status(h, state_find(h, p.list), p.idx);
	}
	return ns_now() - from;
}

/* The same walk without the question. */
static double time_walk(const struct crowded *x)
{
	volatile uint32_t sink = 0;
	uint32_t sum = 0;
	double from = ns_now();
	for (size_t i = 0; i < x->asked; i++)
		sum += x->pair[i].list ^ x->pair[i].idx;
	sink = sum;
	(void)sink;
	return ns_now() - from;
}

static enum mm_err status_open(struct bench *b, void **ctx)
{
	return crowded_open(b, "10m", ctx);
}

/* A tenth of the answers must be "revoked", more or less. */
static enum mm_err status_run(struct bench *b, void *ctx, struct row *rows)
{
	struct crowded *x = ctx;
	size_t revoked = 0;
	double walk = time_walk(x), all = time_lookups(x, &revoked);
	if (revoked < x->asked / 12 || revoked > x->asked / 8)
		return why_say(&b->why, MM_ERR_IO, NULL,
			       "%zu of %zu are revoked: not a tenth", revoked,
			       x->asked);
	row_fact(rows, "count", (double)x->live);
	return times_add(&rows->rounds, (all - walk) / (double)x->asked);
}

const struct probe probe_status_10m = {
	.row = { "revocation.check_10m" },
	.open = status_open,
	.run = status_run,
	.close = crowded_close,
};

/* ---- opening ---- */

static enum mm_err open_open(struct bench *b, void **ctx)
{
	return crowded_open(b, "10m-open", ctx);
}

/* What the file holds besides its head: statuses alone, for these lists. */
static enum mm_err tell_size(const struct crowded *x, struct row *row)
{
	struct stat st;
	if (stat(x->path, &st) != 0)
		return MM_ERR_IO;
	double bytes = (double)(st.st_size - (off_t)x->map->head->head_size);
	row_fact(row, "bytes", bytes);
	row_fact(row, "bytes_a_token", bytes / (double)x->live);
	return MM_OK;
}

static enum mm_err open_run(struct bench *b, void *ctx, struct row *rows)
{
	struct crowded *x = ctx;
	struct mm_options opt = { .state = x->path };
	struct mm_verifier *v;
	(void)b;
	double from = ns_now();
	for (size_t i = 0; i < OPEN_TIMES; i++) {
		TRY(mm_open(&opt, &v));
		mm_close(v);
	}
	double took = ns_now() - from;
	row_fact(rows, "count", (double)x->live);
	TRY(tell_size(x, rows));
	return times_add(&rows->rounds, took / OPEN_TIMES);
}

const struct probe probe_open_10m = {
	.row = { "state.open_10m" },
	.open = open_open,
	.run = open_run,
	.close = crowded_close,
};
