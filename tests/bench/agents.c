/* agents.c - what a crowd of agents costs whoever they follow.
 *
 * One process plays them all; it is told what to do line by line, for whoever
 * drives it (fanout.py) has the processes whose memory is to be looked at, and
 * kills the issuer in the midst of it.  Each line is answered with one line of
 * JSON:
 *
 *	rest SECONDS		let them wait, and count
 *	revoke RATE ID...	so many a second, until every agent has heard
 *	storm			until each has lost its connection and is back
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>

#include "tests/bench/herd.h"

#define PATIENCE_NS 180e9
#define IDS_MAX	    10000u
#define USAGE                                                                  \
	"usage: agents --follow HOST:PORT|PATH --tokens FILE\n"                \
	"       [--revoke-at PATH] [--agents N] [--after SEQ]\n"               \
	"       [--wait SECONDS] <commands\n"

/* ---- what was counted ---- */

static void tell_times(const char *name, struct times *t)
{
	if (t->count == 0)
		return;
	printf(",\"%s\":{\"count\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,"
	       "\"most\":%.3f}",
	       name, t->count, times_rank(t, 50) / 1e6, times_rank(t, 99) / 1e6,
	       times_rank(t, 99.9) / 1e6, times_rank(t, 100) / 1e6);
}

/* Times in milliseconds. */
static void tell(struct herd *h, const char *what, bool done)
{
	double seconds = (ns_now() - h->from) / 1e9;
	uint64_t sent = h->sent, got = h->got;
	for (size_t i = 0; i < h->count; i++) {
		sent += h->agent[i].conn.sent;
		got += h->agent[i].conn.got;
	}
	printf("{\"what\":\"%s\",\"done\":%s,\"agents\":%zu,\"follow\":%zu,"
	       "\"seconds\":%.3f,\"answers\":%zu,\"busy\":%zu,\"failed\":%zu,"
	       "\"sent\":%llu,\"got\":%llu",
	       what, done ? "true" : "false", h->count, h->follow, seconds,
	       h->answers, h->busy, h->failed, (unsigned long long)sent,
	       (unsigned long long)got);
	tell_times("seen", &h->seen);
	tell_times("acked", &h->acked);
	tell_times("back", &h->back);
	printf("}\n");
	fflush(stdout);
}

/* ---- the commands ---- */

static enum mm_err run_until(struct herd *h, bool (*done)(const struct herd *),
			     double until)
{
	while (!(done != NULL && done(h)) && ns_now() < until)
		TRY(herd_step(h, 5));
	return MM_OK;
}

static bool all_follow(const struct herd *h)
{
	return h->follow == h->count;
}

static bool all_came_back(const struct herd *h)
{
	return h->fell == h->count && all_follow(h);
}

static bool all_have_seen(const struct herd *h)
{
	for (size_t i = 0; i < h->revoked_count; i++)
		if (h->revoked[i].acked_at == 0 ||
		    h->revoked[i].seen < h->count)
			return false;
	return true;
}

static enum mm_err start(struct herd *h, char *args)
{
	(void)args;
	TRY(run_until(h, all_follow, ns_now() + PATIENCE_NS));
	tell(h, "start", all_follow(h));
	return MM_OK;
}

static enum mm_err rest(struct herd *h, char *args)
{
	herd_count_anew(h);
	TRY(run_until(h, NULL, ns_now() + strtod(args, NULL) * 1e9));
	tell(h, "rest", all_follow(h));
	return MM_OK;
}

/* On a schedule: one that is late does not make the others so. */
static enum mm_err revoke_all(struct herd *h, double rate, char *ids)
{
	char *place = NULL, *id = strtok_r(ids, " \n", &place);
	for (size_t n = 0; id != NULL && n < IDS_MAX; n++) {
		TRY(run_until(h, NULL, h->from + (double)n / rate * 1e9));
		h->revoked_count = n + 1;
		TRY(herd_revoke(h, n, id));
		id = strtok_r(NULL, " \n", &place);
	}
	return run_until(h, all_have_seen, ns_now() + PATIENCE_NS);
}

static enum mm_err revoke(struct herd *h, char *args)
{
	char *ids;
	double rate = strtod(args, &ids);
	if (!(rate > 0) || h->revoke_at.path == NULL)
		return MM_ERR_INVALID;
	h->revoked = calloc(IDS_MAX, sizeof *h->revoked);
	if (h->revoked == NULL)
		return MM_ERR_NOMEM;
	herd_count_anew(h);
	TRY(revoke_all(h, rate, ids));
	tell(h, "revoke", all_have_seen(h));
	free(h->revoked);
	h->revoked = NULL;
	h->revoked_count = 0;
	return MM_OK;
}

/* Counted from when the first has lost its connection. */
static enum mm_err storm(struct herd *h, char *args)
{
	(void)args;
	herd_count_anew(h);
	while (h->fell == 0)
		TRY(herd_step(h, 1));
	h->from = ns_now();
	TRY(run_until(h, all_came_back, ns_now() + PATIENCE_NS));
	tell(h, "storm", all_came_back(h));
	return MM_OK;
}

static const struct {
	const char *name;
	enum mm_err (*run)(struct herd *h, char *args);
} commands[] = {
	{ "rest ", rest },
	{ "revoke ", revoke },
	{ "storm", storm },
};

static enum mm_err obey(struct herd *h, char *line)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		size_t len = strlen(commands[i].name);
		if (strncmp(line, commands[i].name, len) == 0)
			return commands[i].run(h, line + len);
	}
	return MM_ERR_INVALID;
}

static enum mm_err obey_all(struct herd *h)
{
	char *line = NULL;
	size_t cap = 0;
	enum mm_err e = start(h, NULL);
	while (e == MM_OK && getline(&line, &cap, stdin) > 0)
		e = obey(h, line);
	free(line);
	return e;
}

/* ---- options ---- */

/* Cuts text at its colon. */
static enum mm_err read_place(char *text, struct place *out)
{
	char *colon = strrchr(text, ':');
	*out = (struct place){ .path = text };
	if (text[0] == '/')
		return MM_OK;
	if (colon == NULL)
		return MM_ERR_INVALID;
	*colon = '\0';
	*out = (struct place){ .port = (uint16_t)strtoul(colon + 1, NULL, 10) };
	return inet_pton(AF_INET, text, &out->host) == 1 ? MM_OK
							 : MM_ERR_INVALID;
}

static const struct option names[] = {
	{ "follow", required_argument, NULL, 'f' },
	{ "tokens", required_argument, NULL, 't' },
	{ "revoke-at", required_argument, NULL, 'r' },
	{ "agents", required_argument, NULL, 'n' },
	{ "after", required_argument, NULL, 's' },
	{ "wait", required_argument, NULL, 'w' },
	{ NULL, 0, NULL, 0 },
};

struct wanted {
	size_t agents;
	uint64_t after;
};

static enum mm_err read_options(int argc, char **argv, struct herd *h,
				struct wanted *w)
{
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		enum mm_err e = MM_OK;
		if (c == 'f')
			e = read_place(optarg, &h->at);
		else if (c == 't')
			e = herd_read_tokens(h, optarg);
		else if (c == 'r')
			e = read_place(optarg, &h->revoke_at);
		else if (c == 'n')
			w->agents = strtoul(optarg, NULL, 10);
		else if (c == 's')
			w->after = strtoull(optarg, NULL, 10);
		else if (c == 'w')
			h->wait = (unsigned)strtoul(optarg, NULL, 10);
		else
			e = MM_ERR_INVALID;
		TRY(e);
	}
	bool whole = optind == argc && h->token_count != 0 && w->agents != 0 &&
		     (h->at.port != 0 || h->at.path != NULL);
	return whole ? MM_OK : MM_ERR_INVALID;
}

static void raise_files(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

int main(int argc, char **argv)
{
	struct herd h = { .epoll = -1, .wait = POLL_WAIT };
	struct wanted w = { .agents = 1000 };
	if (read_options(argc, argv, &h, &w) != MM_OK) {
		fputs(USAGE, stderr);
		return 2;
	}
	raise_files();
	enum mm_err e = herd_open(&h, w.agents, w.after);
	if (e == MM_OK)
		e = obey_all(&h);
	if (e != MM_OK)
		fprintf(stderr, "agents: %s\n", mm_err_word(e));
	herd_close(&h);
	return e != MM_OK;
}
