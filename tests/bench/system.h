/* system.h - real processes: a mintmarkd of our own, in a folder of its
 * own, and a mintmark-agent that follows it. */
#ifndef MM_TESTS_BENCH_SYSTEM_H
#define MM_TESTS_BENCH_SYSTEM_H

#include "common/jws.h"
#include "tests/bench/bench.h"
#include "tests/bench/http.h"

/* ---- processes: process.c ---- */

/* Start a program of the build folder (or MM_BUILD), or one with a whole
 * path; what it says goes to the file `log`.  It is killed when this process
 * ends, too. */
MM_MUST_USE enum mm_err process_start(pid_t *pid, const char *const *argv,
				      const char *log, struct why *why);
/* A copy of this process, which runs body(ctx) and exits. */
MM_MUST_USE enum mm_err process_fork(pid_t *pid, void (*body)(void *ctx),
				     void *ctx);
void process_kill(pid_t *pid); /* and wait; 0 is allowed */
bool process_alive(pid_t pid);

/* ---- a whole system: system.c ---- */

struct minted {
	char id[24];
	char token[TOKEN_PORTABLE + 1];
};

struct host {
	char folder[96];
	uint16_t port;
	pid_t mintmarkd, agent[2];
	char state[128]; /* the last agent's */
	struct minted admin;
	struct minted follower; /* may read the feed */
	struct conn conn;	/* for single requests */
	struct why *why;
};

/* A mintmarkd, ready, with nothing in it but two tokens. */
MM_MUST_USE enum mm_err host_open(struct bench *b, const char *name,
				  struct host *h);
/* Called `name`; listen NULL: it has no door.  Once it is there, its state
 * file is h->state. */
MM_MUST_USE enum mm_err host_start_agent(struct host *h, const char *name,
					 const char *listen);
void host_close(struct host *h);
#define AUTO_HOST __attribute__((cleanup(host_close)))

/* One request of the administrator; the answer is in h->conn.  A status
 * other than `want` is a failure. */
MM_MUST_USE enum mm_err host_ask(struct host *h, const char *method,
				 const char *path, const char *body,
				 unsigned want);
/* A TCP port that was free a moment ago. */
MM_MUST_USE enum mm_err host_free_port(uint16_t *out);
/* Until one can connect there, or pid has ended. */
MM_MUST_USE enum mm_err host_wait_open(struct host *h, struct place at,
				       pid_t pid, const char *what);
/* The token that everybody mints here, and whose it is. */
#define HOST_USER "alice"
extern const char host_grant[];
MM_MUST_USE enum mm_err host_mint(struct host *h, struct minted *out);
MM_MUST_USE enum mm_err host_mint_some(struct host *h, struct minted *out,
				       size_t count);

/* ---- a crowd of agents: followers.c ---- */

struct followers;

/* In a thread: `count` connections, each with a long poll open for what
 * comes next in the feed.  Returns when all of them wait. */
MM_MUST_USE enum mm_err followers_start(struct host *h, size_t count,
					struct followers **out);
/* How often one was told to come back later, until now. */
size_t followers_busy(struct followers *f);
/* What failed meanwhile, if anything did; frees. */
MM_MUST_USE enum mm_err followers_stop(struct followers *f);

#endif
