/* health.c - the checks of an agent. */
#include "verifier/agent/health.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/health_checks.h"

/* A datagram socket can be connected to while somebody has it bound. */
bool health_uses_heard(const char *state)
{
	struct sockaddr_un to;
	if (!use_address(state, &to))
		return false;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool heard = connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
	close(fd);
	return heard;
}

enum {
#define X(name, word, advice) CHECK_##name,
	AGENT_CHECKS(X)
#undef X
		CHECKS
};

struct check {
	const char *name;
	const char *advice; /* when it is not good */
	bool degrades;	    /* what it does it does well all the same */
};

static const struct check ready[CHECKS] = {
#define X(name, word, advice)                                                  \
	[CHECK_##name] = { word, advice, CHECK_##name == CHECK_FEED },
	AGENT_CHECKS(X)
#undef X
};

static enum mm_err reply(struct http_request *rq, const struct check *checks,
			 const bool *good, size_t n)
{
	AUTO_BUF struct buf b = buf_new(2048);
	struct span text;
	bool all = true, serves = true;
	for (size_t i = 0; i < n; i++) {
		all = all && good[i];
		serves = serves && (good[i] || checks[i].degrades);
	}
	buf_fmt(&b, "{\"status\":\"%s\",\"checks\":{",
		!serves ? "failing"
		: !all	? "degraded"
			: "ok");
	for (size_t i = 0; i < n; i++) {
		buf_fmt(&b, "%s\"%s\":{\"status\":\"%s\"", i ? "," : "",
			checks[i].name, good[i] ? "ok" : "failing");
		if (!good[i])
			buf_fmt(&b, ",\"do\":\"%s\"", checks[i].advice);
		buf_str(&b, "}");
	}
	buf_str(&b, "}}");
	TRY(buf_done(&b, &text));
	return http_reply(rq, serves ? 200 : 503, "application/json", text);
}

enum mm_err health_reply_live(struct http_request *rq)
{
	static const struct check door = { "door", "", false };
	return reply(rq, &door, (const bool[]){ true }, 1);
}

enum mm_err health_reply_ready(struct http_request *rq, struct mm_verifier *v,
			       const char *state, struct follower *f)
{
	const bool good[CHECKS] = {
		[CHECK_STATE] = v != NULL && verifier_fresh(v) == MM_OK,
		[CHECK_FEED] = f == NULL || !follower_is_refused(f),
		[CHECK_USES] = health_uses_heard(state),
		[CHECK_CONNECTIONS] = http_accepts(http_server_of(rq)),
	};
	return reply(rq, ready, good, CHECKS);
}
