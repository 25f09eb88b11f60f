/* http_library.c - what the library says, and what it answers by itself.
 *
 * A request that it cannot read it refuses without asking us: it says a line
 * for the log and answers, in HTML.  When all headers had come (Content-Length
 * is no number, the cookies are too many), 0.9.75 then goes on as if nothing
 * had happened and sends the head a second time, so that its answer is none.
 * But the line is said before that answer is made, and only then is one
 * connection in a state that no other is in.  So it is we who answer there, and
 * the library finds the way out closed.
 *
 * And a head may take so much of what it has for a connection that no reply's
 * would fit behind it: there it would close without a word.  More room is no
 * way out, for then that is a longer head's.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/http_internal.h"
#include "common/log.h"

static const char refusal[] =
	"Error processing request (HTTP response code is %u ";

/* ---- the answer ---- */

/* Its headers are whole, it was not shown to us, and has no reply yet. */
static bool is_refused_now(const struct http_conn *conn)
{
	const struct http_request *rq = conn->begun;
	return rq != NULL && rq->stage == STAGE_LINE &&
	       MHD_get_connection_info(
		       rq->connection,
		       MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) != NULL &&
	       MHD_get_connection_info(rq->connection,
				       MHD_CONNECTION_INFO_HTTP_STATUS) == NULL;
}

static enum mm_err say_why(struct http_request *rq)
{
	switch (rq->status) {
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return why_say(http_why(rq), MM_ERR_TOO_LARGE, NULL,
			       "Content-Length is above every limit");
	case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
		return why_say(http_why(rq), MM_ERR_INVALID, NULL,
			       "the cookies take more than there is room for");
	default:
		return why_say(http_why(rq), MM_ERR_INVALID, NULL,
			       "the headers cannot be read: is Content-Length "
			       "a number?");
	}
}

/* As http_reply.c has it made.  (Where the method is not known yet, to a HEAD
 * too: nothing comes behind that the body could be taken for.) */
static void write_reply(struct buf *b, const struct http_request *rq,
			enum mm_err e)
{
	AUTO_BUF struct buf body = buf_new(PROBLEM_MAX);
	char date[32];
	date_write_http(date, clock_now());
	problem_write(&body, rq->status, e, rq->why);
	buf_fmt(b,
		"HTTP/1.1 %u %s\r\n"
		"Date: %s\r\n"
		"Connection: close\r\n"
		"Content-Type: " PROBLEM_TYPE "\r\n"
		"Cache-Control: no-store\r\n"
		"X-Request-Id: %s\r\n"
		"Content-Length: %zu\r\n\r\n",
		rq->status, MHD_get_reason_phrase_for(rq->status), date, rq->id,
		body.len);
	if (rq->method == NULL || strcmp(rq->method, "HEAD") != 0)
		buf_add(b, span_of(body.at, body.len));
}

/* Inside TLS we cannot write: there it is only closed. */
static bool is_plain(const struct http_request *rq)
{
	const struct http_poller *p = rq->conn->poller;
	return p->local || p->server->opt.tls_cert == NULL;
}

/* Those before it have their replies, so this is its place. */
static void answer(struct http_request *rq, enum mm_err e)
{
	AUTO_BUF struct buf b = buf_new(2 * PROBLEM_MAX);
	struct span reply;
	write_reply(&b, rq, e);
	stats_note(rq);
	if (is_plain(rq) && buf_done(&b, &reply) == MM_OK)
		(void)!send(rq->conn->fd, reply.at, reply.len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(rq->conn->fd, SHUT_WR);
}

/* At most what the library keeps of a head: cookies twice. */
static size_t kept_of(const struct http_request *rq)
{
	struct MHD_Connection *c = rq->connection;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	int headers = MHD_get_connection_values(c, MHD_HEADER_KIND, NULL, NULL);
	int cookies = MHD_get_connection_values(c, MHD_COOKIE_KIND, NULL, NULL);
	size_t bytes = info != NULL ? info->header_size : 0;
	return bytes * (cookies > 0 ? 2 : 1) +
	       (size_t)(headers + cookies) * PER_HEADER_BYTES;
}

bool library_cannot(struct http_request *rq, enum mm_err e)
{
	if (!is_plain(rq) ||
	    kept_of(rq) + REFUSAL_BYTES <= http_pool_bytes(&rq->server->opt))
		return false;
	if (rq->status == 0)
		rq->status = mm_err_http(e);
	answer(rq, e);
	rq->conn->poller->answered = true;
	return true;
}

static void refused(struct http_poller *p, unsigned status)
{
	struct http_conn *conn = reaper_find(p, is_refused_now);
	log_event(LOG_WARNING, "http.library",
		  "text=a request that cannot be read was refused status=%u",
		  status);
	if (conn == NULL)
		return;
	conn->begun->status = status;
	answer(conn->begun, say_why(conn->begun));
}

/* ---- the log ---- */

/* It tries TCP's options at each reply, not knowing that what it was given is
 * a Unix socket, which needs none. */
static bool is_noise(const struct http_poller *p, const char *fmt)
{
	return p->local && (strncmp(fmt, "Setting %s option ", 18) == 0 ||
			    strncmp(fmt, "Failed to push ", 15) == 0);
}

/* All that it has of a handshake that failed, whatever GnuTLS knows of it; and
 * whoever only looks whether the port is open makes one. */
static bool is_handshake(const char *fmt)
{
	static const char failed[] = "Error: received handshake message out ";
	return strncmp(fmt, failed, strlen(failed)) == 0;
}

static void say_handshake(struct http_poller *p)
{
	int64_t now = clock_ms();
	p->handshakes++;
	if (p->handshake_at != 0 && now - p->handshake_at < HANDSHAKE_SAY_MS)
		return;
	log_event(LOG_WARNING, "http.tls",
		  "failed=%u detail=handshakes failed: of clients that lack "
		  "the CA of our certificate, or TLS 1.2, that speak plain "
		  "HTTP (http:// for https://), or that only look whether "
		  "somebody listens; ask from there: curl -v "
		  "https://HOST/version",
		  p->handshakes);
	p->handshake_at = now;
	p->handshakes = 0;
}

/* The first line of `fmt`, with ... for each of its values: one may be a
 * header of a request. */
static void write_sentence(char *out, size_t size, const char *fmt)
{
	size_t n = 0;
	while (*fmt != '\0' && *fmt != '\n' && n + sizeof "..." <= size) {
		if (*fmt != '%') {
			out[n++] = *fmt++;
			continue;
		}
		fmt += 1 + strspn(fmt + 1, "0123456789.-+ #*hlzjtL");
		fmt += *fmt != '\0'; /* the letter */
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n] = '\0';
}

void library_says(void *poller, const char *fmt, va_list args)
{
	struct http_poller *p = poller;
	char sentence[200];
	if (strncmp(fmt, refusal, strlen(refusal)) == 0) {
		refused(p, va_arg(args, unsigned));
		return;
	}
	if (is_noise(p, fmt) || p->answered) { /* it closes: it was told to */
		p->answered = false;
		return;
	}
	if (is_handshake(fmt)) {
		say_handshake(p);
		return;
	}
	write_sentence(sentence, sizeof sentence, fmt);
	log_event(LOG_WARNING, "http.library", "text=%s", sentence);
}
