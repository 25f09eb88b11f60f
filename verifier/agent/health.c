/* health.c - the checks of an agent. */
#include "verifier/agent/health.h"

#include <sys/socket.h>
#include <unistd.h>

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

struct check {
	const char *name;
	bool good;
	const char *advice; /* when it is not */
};

static enum mm_err reply(struct http_request *rq, const struct check *checks,
			 size_t n)
{
	AUTO_BUF struct buf b = buf_new(2048);
	struct span text;
	bool all = true;
	for (size_t i = 0; i < n; i++)
		all = all && checks[i].good;
	buf_fmt(&b, "{\"status\":\"%s\",\"checks\":{", all ? "ok" : "failing");
	for (size_t i = 0; i < n; i++) {
		buf_fmt(&b, "%s\"%s\":{\"status\":\"%s\"", i ? "," : "",
			checks[i].name, checks[i].good ? "ok" : "failing");
		if (!checks[i].good)
			buf_fmt(&b, ",\"do\":\"%s\"", checks[i].advice);
		buf_str(&b, "}");
	}
	buf_str(&b, "}}");
	TRY(buf_done(&b, &text));
	return http_reply(rq, all ? 200 : 503, "application/json", text);
}

enum mm_err health_reply_live(struct http_request *rq)
{
	static const struct check checks[] = { { "door", true, "" } };
	return reply(rq, checks, 1);
}

enum mm_err health_reply_ready(struct http_request *rq, struct mm_verifier *v,
			       const char *state)
{
	const struct check checks[] = {
		{ "state", v != NULL && verifier_fresh(v) == MM_OK,
		  "every token is refused: the issuer has not been heard of "
		  "for too long, or the state file cannot be written; the log "
		  "says why (feed.unreachable, feed.refused, state.behind)" },
		{ "uses", health_uses_heard(state),
		  "uses are not heard of, and tokens that refresh themselves "
		  "will die: restart mintmark-agent" },
		{ "connections", http_accepts(http_server_of(rq)),
		  "nobody can connect: the log says what is lacking "
		  "(http.full)" },
	};
	return reply(rq, checks, sizeof checks / sizeof checks[0]);
}
