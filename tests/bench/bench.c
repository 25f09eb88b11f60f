/* bench.c - what Mintmark costs on this machine: see usage() for how to run
 * it, bench.h for what is where.
 *
 * Every round measures every row that is made in this process once, one
 * after the other, so that a busy moment of the machine falls on all of
 * them alike; a row's figure is the median of its rounds, in nanoseconds an
 * operation.  Then come the rows of real processes, each measured once, of
 * many operations.  Close what else runs: the figures are worth as much as
 * the machine is quiet. */
#include <getopt.h>
#include <sys/resource.h>

#include "tests/bench/samples.h"

#define ROUNDS 15u

/* clang-format off */
static const struct probe *const probes[] = {
	&probe_evp, &probe_evp_2, &probe_evp_digest,
	&probe_first_sight, &probe_first_sight_2,
	&probe_hot_1k, &probe_hot_1k_2, &probe_hot_100k,
	&probe_status_10m, &probe_open_10m,
	&peer_libjwt, &peer_cjose, &peer_rhonabwy,
	&system_mint, &system_propagation, &system_polls,
	&system_door, &system_nginx,
};
/* clang-format on */
#define PROBES (sizeof probes / sizeof probes[0])

/* ---- which rows ---- */

static void name_rows(struct bench *b)
{
	for (size_t i = 0; i < PROBES; i++) {
		const char *const *name = probes[i]->row;
		b->of_probe[i] = &b->row[b->rows];
		for (; *name != NULL; name++)
			b->row[b->rows++].name = *name;
	}
}

/* By their names or what these begin with; false: there is none. */
static bool want_rows(struct bench *b, const char *begin)
{
	bool any = false;
	for (size_t i = 0; i < b->rows; i++)
		if (strncmp(b->row[i].name, begin, strlen(begin)) == 0)
			any = b->row[i].wanted = true;
	return any;
}

static bool probe_wanted(const struct bench *b, size_t i)
{
	for (size_t k = 0; probes[i]->row[k] != NULL; k++)
		if (b->of_probe[i][k].wanted)
			return probes[i]->run != NULL;
	return false;
}

/* ---- measuring ---- */

static enum mm_err open_all(struct bench *b, void **ctx)
{
	for (size_t i = 0; i < PROBES; i++)
		if (probe_wanted(b, i) && !probes[i]->once)
			TRY(probes[i]->open(b, &ctx[i]));
	return MM_OK;
}

static enum mm_err run_round(struct bench *b, void **ctx)
{
	for (size_t i = 0; i < PROBES; i++)
		if (probe_wanted(b, i) && !probes[i]->once)
			TRY(probes[i]->run(b, ctx[i], b->of_probe[i]));
	return MM_OK;
}

/* One round more than asked for, to warm up: it does not count. */
static enum mm_err run_rounds(struct bench *b, void **ctx)
{
	TRY(open_all(b, ctx));
	TRY(run_round(b, ctx));
	for (size_t i = 0; i < b->rows; i++)
		b->row[i].rounds.count = 0;
	for (size_t round = 0; round < b->rounds; round++)
		TRY(run_round(b, ctx));
	for (size_t i = 0; i < b->rows; i++)
		if (b->row[i].rounds.count != 0)
			row_tell(&b->row[i], &b->row[i].rounds, 50);
	return MM_OK;
}

static enum mm_err run_once(struct bench *b)
{
	for (size_t i = 0; i < PROBES; i++)
		if (probe_wanted(b, i) && probes[i]->once)
			TRY(probes[i]->run(b, NULL, b->of_probe[i]));
	return MM_OK;
}

static enum mm_err measure(struct bench *b)
{
	void *ctx[PROBES] = { NULL };
	enum mm_err e = run_rounds(b, ctx);
	for (size_t i = 0; i < PROBES; i++)
		if (probes[i]->close != NULL)
			probes[i]->close(ctx[i]);
	TRY(e);
	return run_once(b);
}

/* Thousands of connections, here and in mintmarkd. */
static void raise_limits(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static enum mm_err run(struct bench *b)
{
	AUTO_MINT struct mint *m = NULL;
	raise_limits();
	TRY(mint_open(b, &m));
	b->mint = m;
	if (b->tokens[0] != '\0')
		TRY(mint_write(m, 1000, b->tokens, &b->why));
	return measure(b);
}

static int body(struct bench *b)
{
	enum mm_err e = run(b);
	if (e != MM_OK)
		fprintf(stderr, "bench: %s %s\n", mm_err_word(e), b->why.text);
	else
		b->json ? report_json(b) : report_table(b);
	for (size_t i = 0; i < b->rows; i++)
		times_free(&b->row[i].rounds);
	return e == MM_OK ? 0 : 1;
}

/* ---- the command line ---- */

static int usage(FILE *to, int status)
{
	fprintf(to,
		"bench - what Mintmark costs on this machine\n\n"
		"  bench [-r ROUNDS] [-o json] [-q] [--tokens DIR] [ROW...]\n\n"
		"  -r, --rounds ROUNDS   from 1 to %u (default %u)\n"
		"  -o, --output json     for programs\n"
		"  -q, --quick           tiny counts, only to see it run\n"
		"  --tokens DIR          write the key and 1,000 of the tokens "
		"there first\n"
		"  ROW                   only rows whose names begin so: "
		"verify "
		"libjwt\n\n"
		"MM_BUILD names the build folder, if it is not this "
		"program's own.\n",
		ROUNDS_MAX, ROUNDS);
	return status;
}

static bool read_rounds(const char *text, size_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	*out = n;
	return text[0] >= '1' && text[0] <= '9' && *end == '\0' &&
	       n <= ROUNDS_MAX;
}

static bool read_option(struct bench *b, int c, const char *value)
{
	switch (c) {
	case 'r':
		return read_rounds(value, &b->rounds);
	case 'o':
		b->json = true;
		return strcmp(value, "json") == 0;
	case 'q':
		b->quick = true;
		return true;
	case 't':
		return span_copy(b->tokens, sizeof b->tokens, span_str(value));
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static struct bench b; /* too large for a stack */
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "output", required_argument, NULL, 'o' },
		{ "quick", no_argument, NULL, 'q' },
		{ "tokens", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	name_rows(&b);
	for (int c;
	     (c = getopt_long(argc, argv, "r:o:qh", options, NULL)) != -1;) {
		if (c == 'h')
			return usage(stdout, 0);
		if (!read_option(&b, c, optarg))
			return usage(stderr, 2);
	}
	if (b.rounds == 0)
		b.rounds = bench_count(&b, ROUNDS, 1);
	if (optind == argc)
		(void)want_rows(&b, "");
	for (int i = optind; i < argc; i++)
		if (!want_rows(&b, argv[i])) {
			fprintf(stderr, "bench: no row's name begins so: %s\n",
				argv[i]);
			return usage(stderr, 2);
		}
	return guard_run(&b, body);
}
