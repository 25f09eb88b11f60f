/* system.c - a mintmarkd and a mintmark-agent of our own: see system.h. */
#include "tests/bench/system.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_NS 30e9 /* sanitized builds are slow */

const char host_grant[] = "{\"user\":\"" HOST_USER "\",\"label\":\"bench\","
			  "\"expires_in\":86400,\"scopes\":[\"photos:read\"]}";

/* ---- requests ---- */

static enum mm_err judge(struct host *h, const char *method, const char *path,
			 unsigned want)
{
	if (h->conn.status == want)
		return MM_OK;
	return why_say(h->why, MM_ERR_IO, NULL, "%s %s: %u, not %u", method,
		       path, h->conn.status, want);
}

enum mm_err host_ask(struct host *h, const char *method, const char *path,
		     const char *body, unsigned want)
{
	AUTO_BUF struct buf text = buf_new(8192);
	struct span request;
	http_request(&text, method, path, h->admin.token, body);
	TRY(buf_done(&text, &request));
	TRY(conn_ask(&h->conn, request));
	return judge(h, method, path, want);
}

static void free_json(json_t **j)
{
	json_decref(*j);
}

static enum mm_err read_minted(struct span body, struct minted *out)
{
	__attribute__((cleanup(free_json))) json_t *reply =
		json_loadb((const char *)body.at, body.len, 0, NULL);
	const char *id = NULL, *token = NULL;
	if (json_unpack(reply, "{s:s, s:s}", "id", &id, "token", &token) != 0 ||
	    !span_copy(out->id, sizeof out->id, span_str(id)) ||
	    !span_copy(out->token, sizeof out->token, span_str(token)))
		return MM_ERR_MALFORMED;
	return MM_OK;
}

enum mm_err host_mint(struct host *h, struct minted *out)
{
	TRY(host_ask(h, "POST", "/v1/tokens", host_grant, 201));
	return read_minted(h->conn.body, out);
}

enum mm_err host_mint_some(struct host *h, struct minted *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TRY(host_mint(h, &out[i]));
	return MM_OK;
}

/* ---- the mint ---- */

enum mm_err host_free_port(uint16_t *out)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof any;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 &&
		    bind(fd, (const struct sockaddr *)&any, len) == 0 &&
		    getsockname(fd, (struct sockaddr *)&any, &len) == 0;
	if (fd >= 0)
		close(fd);
	*out = ntohs(any.sin_port);
	return good ? MM_OK : MM_ERR_IO;
}

static enum mm_err start_mintmarkd(struct host *h)
{
	char data[112], log[128], listen_on[32], issuer[40];
	TRY(host_free_port(&h->port));
	snprintf(data, sizeof data, "%s/data", h->folder);
	snprintf(log, sizeof log, "%s/mintmarkd.log", h->folder);
	snprintf(listen_on, sizeof listen_on, "127.0.0.1:%u", h->port);
	snprintf(issuer, sizeof issuer, "http://127.0.0.1:%u", h->port);
	const char *argv[] = {
		"issuer/mintmarkd", "--data",	data,	"--listen",
		listen_on,	    "--issuer", issuer, NULL
	};
	return process_start(&h->mintmarkd, argv, log, h->why);
}

static bool is_ready(struct host *h)
{
	conn_close(&h->conn);
	return conn_open(&h->conn, (struct place){ .port = h->port }) ==
		       MM_OK &&
	       host_ask(h, "GET", "/health/ready", NULL, 200) == MM_OK;
}

static enum mm_err wait_ready(struct host *h)
{
	double end = ns_now() + START_NS;
	while (!is_ready(h)) {
		if (!process_alive(h->mintmarkd) || ns_now() > end)
			return why_say(h->why, MM_ERR_UNAVAILABLE, NULL,
				       "mintmarkd does not start");
		ns_sleep(20e6);
	}
	return MM_OK;
}

/* Through the socket, where who may open it is an administrator. */
static enum mm_err mint_first(struct host *h, const char *scope,
			      struct minted *out)
{
	AUTO_CONN struct conn c = { 0 };
	AUTO_BUF struct buf text = buf_new(8192);
	struct span request;
	char path[128], body[160];
	snprintf(path, sizeof path, "%s/data/admin.sock", h->folder);
	snprintf(body, sizeof body,
		 "{\"user\":\"bench\",\"expires_in\":86400,"
		 "\"scopes\":[\"%s\"]}",
		 scope);
	http_request(&text, "POST", "/v1/tokens", NULL, body);
	TRY(buf_done(&text, &request));
	TRY(conn_open(&c, (struct place){ .path = path }));
	TRY(conn_ask(&c, request));
	return read_minted(c.body, out);
}

enum mm_err host_open(struct bench *b, const char *name, struct host *h)
{
	*h = (struct host){ .why = &b->why };
	snprintf(h->folder, sizeof h->folder, "%s/%s", b->folder, name);
	if (mkdir(h->folder, 0700) != 0)
		return MM_ERR_IO;
	TRY(start_mintmarkd(h));
	TRY(wait_ready(h));
	TRY(mint_first(h, "mintmark:admin", &h->admin));
	TRY(mint_first(h, "mintmark:agent", &h->follower));
	b->why.text[0] = '\0'; /* of the questions before it was ready */
	return MM_OK;
}

void host_close(struct host *h)
{
	process_kill(&h->agent[0]);
	process_kill(&h->agent[1]);
	process_kill(&h->mintmarkd);
	conn_close(&h->conn);
}

/* ---- the agent ---- */

static enum mm_err wait_state(struct host *h, pid_t agent)
{
	for (double end = ns_now() + START_NS; access(h->state, R_OK) != 0;) {
		if (!process_alive(agent) || ns_now() > end)
			return why_say(h->why, MM_ERR_UNAVAILABLE, NULL,
				       "mintmark-agent does not start");
		ns_sleep(20e6);
	}
	return MM_OK;
}

enum mm_err host_start_agent(struct host *h, const char *name,
			     const char *listen)
{
	char token[128], log[128], issuer[40];
	pid_t *pid = &h->agent[h->agent[0] != 0];
	snprintf(token, sizeof token, "%s/%s.token", h->folder, name);
	snprintf(log, sizeof log, "%s/%s.log", h->folder, name);
	snprintf(h->state, sizeof h->state, "%s/%s.state", h->folder, name);
	snprintf(issuer, sizeof issuer, "http://127.0.0.1:%u", h->port);
	TRY(file_replace(token, span_str(h->follower.token), 0600, h->why));
	const char *argv[] = { "verifier/mintmark-agent",
			       "--issuer",
			       issuer,
			       "--token-file",
			       token,
			       "--state",
			       h->state,
			       listen ? "--listen" : NULL,
			       listen,
			       NULL };
	TRY(process_start(pid, argv, log, h->why));
	return wait_state(h, *pid);
}

enum mm_err host_wait_open(struct host *h, struct place at, pid_t pid,
			   const char *what)
{
	for (double end = ns_now() + START_NS;;) {
		AUTO_CONN struct conn c = { 0 };
		if (conn_open(&c, at) == MM_OK)
			return MM_OK;
		if (!process_alive(pid) || ns_now() > end)
			return why_say(h->why, MM_ERR_UNAVAILABLE, NULL,
				       "%s does not listen", what);
		ns_sleep(20e6);
	}
}
