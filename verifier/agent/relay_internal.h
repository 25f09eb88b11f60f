/* relay_internal.h - what relay.c, relay_allow.c and relay_ask.c share. */
#ifndef MM_VERIFIER_AGENT_RELAY_INTERNAL_H
#define MM_VERIFIER_AGENT_RELAY_INTERNAL_H

#include "common/polls.h"
#include "verifier/agent/batches.h"
#include "verifier/agent/late.h"
#include "verifier/agent/relay.h"

#define RELAY_ID_SIZE 32
#define RELAY_VIA     1024 /* bytes of Via, this relay's own among them */
#define RELAY_WORKERS 4	   /* that tell the issuer of uses */

/* One question after the other to upstream, each for all who ask it. */
struct asker {
	struct relay *relay;
	bool snapshots; /* or what comes after events that are not kept here */
	struct link link;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t more;
	bool stopping;
	struct polls asking;
};

struct relay {
	struct relay_options opt;
	char id[RELAY_ID_SIZE]; /* new with each start */
	struct follower *follower;
	struct late late;
	struct http_server *http;
	struct asker feed, snapshot;
	struct link uses[RELAY_WORKERS]; /* one for who has taken it: */
	bool taken[RELAY_WORKERS];
	struct counter handed_on, asked;
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* guards what follows, and `taken` */
	pthread_cond_t woken;
	bool stopping;
	struct batches batches;
	size_t source;	     /* the address of upstream that is well */
	char via[RELAY_VIA]; /* by which the newest came, and us */
	struct polls polls;
	struct poll *due; /* no longer in polls, to be answered */
};

/* Whoever is to be let in by route->need. */
enum { RELAY_PUBLIC = 0, RELAY_AGENT };
enum mm_err relay_allow(void *relay, struct http_request *rq,
			const struct http_route *route);

/* Have *l ask where our follower has its news from.  It finds out when that
 * address is not well, and that it is not ourselves. */
void relay_aim(struct relay *r, struct link *l);
/* 200 with what is signed. */
enum mm_err relay_hand_on(struct relay *r, struct http_request *rq,
			  struct http_body *body);
/* Everything that is answered with 503: said in *why, with Retry-After. */
enum mm_err relay_nothing(struct http_request *rq, const char *text);

MM_MUST_USE enum mm_err asker_start(struct asker *a, struct relay *r,
				    bool snapshots, struct why *why);
void asker_stop(struct asker *a); /* and answer all; fine on zeros */
/* Take over a poll whose request is held. */
void asker_take(struct asker *a, struct poll *p);

enum mm_err relay_uses(void *relay, struct http_request *rq);

#endif
