/* metrics.h - what Prometheus is told of a mintmark-agent. */
#ifndef MM_VERIFIER_AGENT_METRICS_H
#define MM_VERIFIER_AGENT_METRICS_H

#include "common/metrics.h"
#include "verifier/agent/door.h"
#include "verifier/agent/relay.h"
#include "verifier/follow.h"

/* What is shown; the parts have to stay until http_stop(http). */
struct agent_metrics {
	struct follower *follower;
	const struct door *door; /* NULL: there is none */
	struct relay *relay;	 /* the same */
	const char *state;
	int64_t max_staleness;
	struct metrics page;
	struct http_server *http;
};

/* Serve them at `listen`; "": nowhere. */
MM_MUST_USE enum mm_err agent_metrics_start(struct agent_metrics *m,
					    const char *listen,
					    struct why *why);

#endif
