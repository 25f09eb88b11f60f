/* herd.c - thousands of agents in one thread: see herd.h. */
#include "tests/bench/herd.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE	      256u /* connections begun in one step */
#define LOOK_NS	      5e6  /* between looks at who has rested */
#define READY_AT_ONCE 256

#define TOKENS_BYTES_MAX (32u << 20)

/* ---- tokens ---- */

enum mm_err herd_read_tokens(struct herd *h, const char *path)
{
	AUTO_BUF struct buf file = buf_new(TOKENS_BYTES_MAX);
	struct span text;
	char *place = NULL;
	TRY(buf_read_file(&file, path, NULL));
	TRY(buf_done(&file, &text));
	h->tokens = strndup((const char *)text.at, text.len);
	h->token = calloc(text.len / 2 + 1, sizeof *h->token);
	if (h->tokens == NULL || h->token == NULL)
		return MM_ERR_NOMEM;
	char *line = strtok_r(h->tokens, "\n", &place);
	for (; line != NULL; line = strtok_r(NULL, "\n", &place))
		h->token[h->token_count++] = line;
	return h->token_count != 0 ? MM_OK : MM_ERR_INVALID;
}

static const char *token_of(const struct herd *h, const struct agent *a)
{
	return h->token[(size_t)(a - h->agent) % h->token_count];
}

/* ---- connections ---- */

static bool is_agent(const struct herd *h, const void *at)
{
	const struct agent *a = at;
	return a >= h->agent && a < h->agent + h->count;
}

static enum mm_err watch(struct herd *h, int how, int fd, uint32_t events,
			 void *whom)
{
	struct epoll_event e = { .events = events, .data = { .ptr = whom } };
	return epoll_ctl(h->epoll, how, fd, &e) == 0 ? MM_OK : MM_ERR_IO;
}

static void drop(struct herd *h, struct agent *a)
{
	struct conn *c = &a->conn;
	struct conn kept = { .seq = c->seq,
			     .failures = c->failures,
			     .again_at = c->again_at };
	h->sent += c->sent;
	h->got += c->got;
	conn_close(c);
	*c = kept;
	a->is = AGENT_AWAY;
}

static void rest(struct herd *h, struct agent *a)
{
	poll_pause(&a->conn, &h->seed);
	h->follow -= a->follows;
	a->follows = false;
}

static void lost(struct herd *h, struct agent *a)
{
	h->failed++;
	h->fell += !a->fell;
	a->fell = true;
	rest(h, a);
	drop(h, a);
}

static enum mm_err connect_one(struct herd *h, struct agent *a)
{
	struct conn fresh = { 0 };
	enum mm_err e = conn_begin(&fresh, h->at);
	fresh.seq = a->conn.seq;
	fresh.failures = a->conn.failures;
	a->conn = fresh;
	a->is = AGENT_CONNECTS;
	if (fresh.fd < 0)
		return MM_ERR_IO; /* descriptors: nothing to come back from */
	if (e == MM_OK)
		return watch(h, EPOLL_CTL_ADD, fresh.fd, EPOLLIN | EPOLLOUT, a);
	lost(h, a);
	return MM_OK;
}

static enum mm_err connected(struct herd *h, struct agent *a)
{
	int error = 0;
	socklen_t len = sizeof error;
	getsockopt(a->conn.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0 || poll_send(&a->conn, token_of(h, a), 0) != MM_OK) {
		lost(h, a);
		return MM_OK;
	}
	a->is = AGENT_ASKED;
	return watch(h, EPOLL_CTL_MOD, a->conn.fd, EPOLLIN, a);
}

/* Those whose pause is over. */
static enum mm_err go_on(struct herd *h)
{
	double now = ns_now();
	size_t begun = 0;
	for (size_t i = 0; i < h->count && begun < AT_ONCE; i++) {
		struct agent *a = &h->agent[i];
		bool rests = a->is == AGENT_AWAY || a->is == AGENT_RESTS;
		if (!rests || a->conn.again_at > now)
			continue;
		begun++;
		if (a->is == AGENT_AWAY) {
			TRY(connect_one(h, a));
			continue;
		}
		a->is = AGENT_ASKED;
		if (poll_send(&a->conn, token_of(h, a), 0) != MM_OK)
			lost(h, a);
	}
	return MM_OK;
}

/* ---- what they are told ---- */

static void heard_of(struct herd *h, unsigned list, unsigned idx, double now)
{
	for (size_t i = 0; i < h->revoked_count; i++) {
		struct revoked *r = &h->revoked[i];
		if (r->list != list || r->idx != idx || r->sent_at == 0)
			continue;
		r->seen++;
		(void)!times_add(&h->seen, now - r->sent_at);
	}
}

static void hear(struct herd *h, double now)
{
	static const char words[] = "\"type\":\"status\",\"list\":";
	const char *at = (const char *)h->payload;
	while ((at = strstr(at, words)) != NULL) {
		char *end;
		unsigned list =
			(unsigned)strtoul(at + sizeof words - 1, &end, 10);
		at = end;
		if (strncmp(at, ",\"idx\":", 7) == 0)
			heard_of(h, list, (unsigned)strtoul(at + 7, NULL, 10),
				 now);
	}
}

static enum mm_err given(struct herd *h, struct agent *a)
{
	double now = ns_now();
	h->answers++;
	a->conn.failures = 0;
	TRY(poll_read(a->conn.body, h->payload, &a->conn.seq));
	if (h->revoked_count != 0)
		hear(h, now);
	if (!a->follows) {
		a->follows = true;
		h->follow++;
		TRY(times_add(&h->back, now - h->from));
	}
	if (poll_send(&a->conn, token_of(h, a), h->wait) != MM_OK)
		lost(h, a);
	return MM_OK;
}

static enum mm_err agent_ready(struct herd *h, struct agent *a)
{
	bool whole = false;
	if (a->is == AGENT_CONNECTS)
		return connected(h, a);
	if (conn_read(&a->conn, MSG_DONTWAIT, &whole) != MM_OK) {
		lost(h, a);
		return MM_OK;
	}
	if (!whole)
		return MM_OK;
	if (a->conn.status == 200)
		return given(h, a);
	if (a->conn.status != 503)
		return MM_ERR_UNAVAILABLE;
	h->busy++;
	rest(h, a);
	a->is = AGENT_RESTS;
	return MM_OK;
}

/* ---- revocations ---- */

enum mm_err herd_revoke(struct herd *h, size_t n, const char *id)
{
	AUTO_BUF struct buf text = buf_new(512);
	struct revoked *r = &h->revoked[n];
	struct span request;
	char path[64], *end;
	r->list = (unsigned)strtoul(id, &end, 10);
	r->idx = (unsigned)strtoul(end + (*end == '.'), NULL, 10);
	snprintf(path, sizeof path, "/v1/tokens/%s", id);
	http_request(&text, "DELETE", path, NULL, NULL);
	TRY(buf_done(&text, &request));
	TRY(conn_open(&r->conn, h->revoke_at));
	TRY(watch(h, EPOLL_CTL_ADD, r->conn.fd, EPOLLIN, r));
	r->sent_at = ns_now();
	return conn_send(&r->conn, request);
}

static enum mm_err revoked_ready(struct herd *h, struct revoked *r)
{
	bool whole = false;
	TRY(conn_read(&r->conn, MSG_DONTWAIT, &whole));
	if (!whole)
		return MM_OK;
	if (r->conn.status != 200)
		return MM_ERR_UNAVAILABLE;
	r->acked_at = ns_now();
	conn_close(&r->conn);
	return times_add(&h->acked, r->acked_at - r->sent_at);
}

/* ---- all ---- */

enum mm_err herd_step(struct herd *h, int ms)
{
	static double looked_at;
	struct epoll_event ready[READY_AT_ONCE];
	if (ns_now() - looked_at > LOOK_NS) {
		TRY(go_on(h));
		looked_at = ns_now();
	}
	int n = epoll_wait(h->epoll, ready, READY_AT_ONCE, ms);
	for (int i = 0; i < n; i++) {
		void *whom = ready[i].data.ptr;
		if (is_agent(h, whom))
			TRY(agent_ready(h, whom));
		else
			TRY(revoked_ready(h, whom));
	}
	return MM_OK;
}

void herd_count_anew(struct herd *h)
{
	h->from = ns_now();
	h->answers = h->busy = h->failed = h->fell = 0;
	h->sent = h->got = 0;
	times_free(&h->seen);
	times_free(&h->acked);
	times_free(&h->back);
	for (size_t i = 0; i < h->count; i++) {
		h->agent[i].fell = false;
		h->agent[i].conn.sent = h->agent[i].conn.got = 0;
	}
}

enum mm_err herd_open(struct herd *h, size_t count, uint64_t after)
{
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->agent = calloc(count, sizeof *h->agent);
	h->payload = malloc(POLL_PAYLOAD_MAX + 1);
	if (h->epoll < 0 || h->agent == NULL || h->payload == NULL)
		return MM_ERR_NOMEM;
	h->count = count;
	h->seed = 1;
	for (size_t i = 0; i < count; i++)
		h->agent[i].conn.seq = after;
	herd_count_anew(h);
	return MM_OK;
}

void herd_close(struct herd *h)
{
	for (size_t i = 0; i < h->count; i++)
		conn_close(&h->agent[i].conn);
	for (size_t i = 0; i < h->revoked_count; i++)
		conn_close(&h->revoked[i].conn);
	times_free(&h->seen);
	times_free(&h->acked);
	times_free(&h->back);
	free(h->agent);
	free(h->token);
	free(h->tokens);
	free(h->revoked);
	free(h->payload);
	if (h->epoll > 0)
		close(h->epoll);
}
