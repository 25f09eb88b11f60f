/* poll.c - asking as an agent does: see poll.h. */
#include "tests/bench/poll.h"

#include <inttypes.h>

#include "common/jws.h"
#include "tests/bench/bench.h"

#define PAUSE_NS     0.5e9 /* as verifier/follow.c has it */
#define PAUSE_MAX_NS 30e9
#define BUSY_MAX_NS  4e9

enum mm_err poll_send(struct conn *c, const char *bearer, unsigned wait)
{
	AUTO_BUF struct buf text = buf_new(4096);
	struct span request;
	char path[64];
	snprintf(path, sizeof path, "/v1/feed?after=%" PRIu64 "&wait=%u",
		 c->seq, wait);
	http_request(&text, "GET", path, bearer, NULL);
	TRY(buf_done(&text, &request));
	return conn_send(c, request);
}

/* The batch's own "seq" comes before those of its events (PROTOCOL.md). */
enum mm_err poll_read(struct span jwt, uint8_t *payload, uint64_t *seq)
{
	struct span head, part;
	size_t n;
	if (!span_cut(&jwt, '.', &head) || !span_cut(&jwt, '.', &part))
		return MM_ERR_MALFORMED;
	TRY(base64url_decode(part, payload, POLL_PAYLOAD_MAX, &n));
	payload[n] = '\0';
	const char *at = strstr((const char *)payload, "\"seq\":");
	if (at == NULL)
		return MM_ERR_MALFORMED;
	*seq = strtoull(at + 6, NULL, 10);
	return MM_OK;
}

void poll_pause(struct conn *c, uint64_t *seed)
{
	double fifths = 0.8 + (double)random_below(seed, 401) / 1000;
	double ns = PAUSE_NS * (double)(1u << c->failures);
	double most = c->status == 503 ? BUSY_MAX_NS : PAUSE_MAX_NS;
	c->again_at = ns_now() + fifths * (ns < most ? ns : most);
	c->failures += c->failures < 10;
}
