/* herd.h - thousands of agents in one thread, and the revocations that they
 * are to hear of.
 *
 * Each does what mintmark-agent does, as mintmarkd sees it: one connection
 * that stays, a first poll that is answered at once, then polls that wait;
 * after a failure, or a 503, a pause (poll.h) and all of it again. */
#ifndef MM_TESTS_BENCH_HERD_H
#define MM_TESTS_BENCH_HERD_H

#include "tests/bench/bench.h"
#include "tests/bench/poll.h"

struct agent {
	struct conn conn;
	enum { AGENT_AWAY, AGENT_CONNECTS, AGENT_ASKED, AGENT_RESTS } is;
	bool follows; /* has had an answer on this connection */
	bool fell;    /* lost its connection since herd_count_anew() */
};

struct revoked {
	struct conn conn;
	unsigned list, idx;
	double sent_at, acked_at; /* 0: not yet */
	size_t seen;		  /* by so many agents */
};

struct herd {
	struct place at;	/* whom they follow */
	struct place revoke_at; /* who takes revocations */
	char *tokens;		/* text, cut into lines: */
	const char **token;	/* one or more, which they take in turns */
	size_t token_count;
	struct agent *agent;
	size_t count;
	unsigned wait; /* seconds that a poll asks to be held */
	struct revoked *revoked;
	size_t revoked_count;
	int epoll;
	uint64_t seed;
	uint8_t *payload;
	size_t follow; /* agents that do */

	/* since herd_count_anew(): */
	double from;
	size_t answers, busy, failed, fell;
	uint64_t sent, got; /* bytes */
	struct times seen;  /* from a DELETE to each agent that heard of it */
	struct times acked; /* ... to its answer */
	struct times back;  /* from `from` to an agent's first answer */
};

/* One a line. */
MM_MUST_USE enum mm_err herd_read_tokens(struct herd *h, const char *path);
/* `count` agents that have everything up to `after`; none is connected. */
MM_MUST_USE enum mm_err herd_open(struct herd *h, size_t count, uint64_t after);
void herd_close(struct herd *h);
void herd_count_anew(struct herd *h);
/* What there is to do, for at most that long. */
MM_MUST_USE enum mm_err herd_step(struct herd *h, int ms);
/* Ask for the revocation of "list.idx", in place n of h->revoked. */
MM_MUST_USE enum mm_err herd_revoke(struct herd *h, size_t n, const char *id);

#endif
