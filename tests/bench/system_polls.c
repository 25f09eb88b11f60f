/* system_polls.c - what thousands of agents cost a mint that has nothing to
 * tell them: its memory, and how fast it answers others meanwhile, for as
 * long as it takes until each has had its heartbeat. */
#include <sys/resource.h>

#include "tests/bench/system.h"

#define SPARE_FILES  200u
#define HEARTBEAT_NS 28e9 /* each poll is answered once, and asks again */

/* Resident memory in bytes, by /proc. */
static double resident(pid_t pid)
{
	char path[64], line[256];
	double kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtod(line + 6, NULL);
	if (f != NULL)
		fclose(f);
	return kb * 1024;
}

/* Others ask for the keys and for a token, in turn. */
static enum mm_err ask_others(struct host *h, size_t count, struct times *out)
{
	char show[64];
	snprintf(show, sizeof show, "/v1/tokens/%s", h->admin.id);
	for (size_t i = 0; i < count; i++) {
		const char *path = i % 2 ? show : "/.well-known/jwks.json";
		double from = ns_now();
		TRY(host_ask(h, "GET", path, NULL, 200));
		TRY(times_add(out, ns_now() - from));
	}
	return MM_OK;
}

static size_t polls_possible(size_t wanted)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0 ||
	    l.rlim_cur >= wanted + SPARE_FILES)
		return wanted;
	return l.rlim_cur > SPARE_FILES ? l.rlim_cur - SPARE_FILES : 1;
}

static enum mm_err ask_while_they_hang(struct bench *b, struct host *h,
				       size_t polls, struct row *row)
{
	AUTO_TIMES struct times alone = { 0 }, among = { 0 };
	struct followers *f = NULL;
	size_t count = bench_count(b, 2000, 100);
	TRY(ask_others(h, count, &alone));
	double before = resident(h->mintmarkd);
	enum mm_err e = followers_start(h, polls, &f);
	double until = ns_now() + (b->quick ? 0 : HEARTBEAT_NS);
	while (e == MM_OK && (among.count < count || ns_now() < until)) {
		e = ask_others(h, 20, &among);
		ns_sleep(b->quick ? 0 : 10e6);
	}
	double after = resident(h->mintmarkd);
	enum mm_err failed = followers_stop(f);
	TRY(e);
	TRY(failed);
	row_tell(row, &among, 50);
	row_spread(row, &among);
	row_fact(row, "bytes", after - before);
	row_how(row, "%zu polls hang; without them p99 is %.0f us", polls,
		times_rank(&alone, 99) / 1e3);
	return MM_OK;
}

static enum mm_err polls_run(struct bench *b, void *ctx, struct row *rows)
{
	AUTO_HOST struct host h = { 0 };
	(void)ctx;
	TRY(host_open(b, "polls", &h));
	return ask_while_they_hang(
		b, &h, polls_possible(bench_count(b, 5000, 200)), rows);
}

const struct probe system_polls = {
	.row = { "feed.5000_polls" },
	.once = true,
	.run = polls_run,
};
