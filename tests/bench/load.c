/* load.c - one server under load: see load.h. */
#include "tests/bench/load.h"

#include "common/base64url.h"

#define SETTLE_NS 30e9

/* ---- questions ---- */

/* RFC 7617 has base64, with padding. */
static void add_basic(struct buf *b, const char *token)
{
	char plain[sizeof HOST_USER + TOKEN_PORTABLE + 1];
	char coded[BASE64URL_LEN(sizeof plain)];
	int n = snprintf(plain, sizeof plain, HOST_USER ":%s", token);
	size_t len = base64url_encode(span_of(plain, (size_t)n), coded,
				      sizeof coded);
	for (size_t i = 0; i < len; i++)
		coded[i] = coded[i] == '-'   ? '+'
			   : coded[i] == '_' ? '/'
					     : coded[i];
	buf_fmt(b, "Basic %.*s%.*s", (int)len, coded, (int)(-len % 4), "==");
}

enum mm_err questions_write(struct questions *q, const char *path,
			    const struct minted *hot, bool basic)
{
	for (size_t i = 0; i < LOAD_TOKENS; i++) {
		struct buf *b = &q->one[i];
		*b = buf_new(4096);
		buf_fmt(b, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", path);
		buf_str(b, "Authorization: ");
		if (basic)
			add_basic(b, hot[i].token);
		else
			buf_fmt(b, "Bearer %s", hot[i].token);
		buf_str(b, "\r\n\r\n");
		TRY(b->failed);
	}
	return MM_OK;
}

void questions_free(struct questions *q)
{
	for (size_t i = 0; i < LOAD_TOKENS; i++)
		buf_free(&q->one[i]);
}

static struct span next_question(struct load *l)
{
	const struct buf *b = &l->ask->one[l->ask->next++ % LOAD_TOKENS];
	return span_of(b->at, b->len);
}

/* ---- the connections ---- */

static void put_idle(struct load *l, struct conn *c)
{
	l->idle[(l->first + l->idles++) % LOAD_CONNECTIONS] = c;
}

static struct conn *take_idle(struct load *l)
{
	l->idles--;
	return l->idle[l->first++ % LOAD_CONNECTIONS];
}

static size_t busy(const struct load *l)
{
	return l->crowd.count - l->idles;
}

/* An agent hears of a list a moment after its first token was minted. */
static enum mm_err settle(struct load *l, struct why *why)
{
	double end = ns_now() + SETTLE_NS;
	struct conn *c = &l->crowd.conn[0];
	for (size_t good = 0; good < LOAD_TOKENS;) {
		const struct buf *b = &l->ask->one[good];
		TRY(conn_ask(c, span_of(b->at, b->len)));
		good += c->status == 200;
		if (ns_now() > end)
			return why_say(why, MM_ERR_IO, NULL,
				       "a good token is answered with %u",
				       c->status);
		if (c->status != 200)
			ns_sleep(20e6);
	}
	return MM_OK;
}

enum mm_err load_open(struct load *l, struct place at, struct questions *ask,
		      struct why *why)
{
	*l = (struct load){ .ask = ask };
	TRY(crowd_open(&l->crowd, LOAD_CONNECTIONS, at));
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++)
		put_idle(l, &l->crowd.conn[i]);
	return settle(l, why);
}

void load_close(struct load *l)
{
	crowd_close(&l->crowd);
}

/* ---- as many as it answers ---- */

static enum mm_err answered(void *ctx, struct conn *c)
{
	struct load *l = ctx;
	if (c->status != 200)
		return MM_ERR_UNAVAILABLE;
	l->answers++;
	put_idle(l, c);
	return l->waited ? times_add(l->waited, ns_now() - c->asked_at) : MM_OK;
}

static enum mm_err ask_all(struct load *l)
{
	while (l->idles != 0)
		TRY(conn_send(take_idle(l), next_question(l)));
	return MM_OK;
}

/* Without a sleep: to wake this thread would be the server's work, and the
 * more of it the slower it is, for then there is more to wake from. */
enum mm_err load_full(struct load *l, double ns, struct load_taken *out)
{
	double from = ns_now(), now = from, idle = 0;
	l->waited = NULL;
	l->answers = 0;
	TRY(ask_all(l));
	while (busy(l) != 0) {
		size_t before = l->answers;
		double then = now;
		TRY(crowd_wait(&l->crowd, 0, answered, l));
		if (now < from + ns)
			TRY(ask_all(l));
		now = ns_now();
		idle += l->answers == before ? now - then : 0;
	}
	out->each = (now - from) / (double)l->answers;
	out->busy = 1 - idle / (now - from);
	return MM_OK;
}

/* ---- on a schedule ---- */

static enum mm_err ask_due(struct load *l, double *due, double until,
			   double gap)
{
	double now = ns_now();
	for (; *due <= now && *due < until && l->idles != 0; *due += gap) {
		struct conn *c = take_idle(l);
		TRY(conn_send(c, next_question(l)));
		c->asked_at = *due;
	}
	return MM_OK;
}

/* Without a pause: this thread has a processor to itself, and a sleep would
 * be longer than what is measured. */
enum mm_err load_paced(struct load *l, double ns, double gap,
		       struct times *waited)
{
	double due = ns_now(), until = due + ns;
	l->waited = waited;
	while (due < until || busy(l) != 0) {
		TRY(ask_due(l, &due, until, gap));
		TRY(crowd_wait(&l->crowd, 0, answered, l));
	}
	return MM_OK;
}
