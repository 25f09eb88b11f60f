/* fuzz_issuer.c - whatever a client may send to mintmarkd on one connection,
 * %T standing for a good token of a user with mintmark:self.
 *
 * Without it, only the routes that are public answer with 2xx; with it, none
 * of those that are for administrators or agents does.  The routes are
 * counted by the server itself.  And what http_pair.h says of every answer.
 */
#include <ftw.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/log.h"
#include "issuer/caller.h"
#include "issuer/start.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/http_pair.h"
#include "tests/fuzz/tokens.h"

#define ROW(name, kind, standard, arg, help)                                   \
	{ #name, kind, standard,                                               \
	  arg,	 help, offsetof(struct issuer_settings, name) },

static const struct setting rows[] = { ISSUER_SETTINGS(ROW) };

static const struct settings_table table = {
	.program = "fuzz",
	.usage = "fuzz",
	.rows = rows,
	.count = sizeof rows / sizeof rows[0],
};

enum { ROUTES_MAX = 64 };

static struct running issuer;
static struct pair far, near; /* as a stranger; as an administrator */
static struct buf token;
static bool begun;

/* ---- the mint ---- */

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *walk)
{
	(void)st, (void)kind, (void)walk;
	return remove(path);
}

static void end(void)
{
	pair_end(&far);
	pair_end(&near);
	issuer_stop(&issuer);
	buf_free(&token);
	nftw(fuzz_folder(), remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
	char data[300], program[] = "fuzz";
	char listen_at[] = "--listen=127.0.0.1:0";
	char iss[] = "--issuer=" MODEL_ISS;
	struct why why = { .text = "" };
	enum settings_wish wish;
	snprintf(data, sizeof data, "--data=%s/data", fuzz_folder());
	char *argv[] = { program, data, listen_at, iss };
	enum mm_err e =
		settings_read(&table, 4, argv, &issuer.is.set, &wish, &why);
	if (e == MM_OK)
		e = settings_settle(&issuer.is.set, &why);
	if (e == MM_OK)
		e = issuer_start(&issuer, &why);
	if (e != MM_OK)
		fprintf(stderr, "%s\n", why.text);
	MM_ASSERT(e == MM_OK);
}

/* As an administrator of this host does. */
static void take_token(void)
{
	AUTO_BUF struct buf body = buf_new(256), request = buf_new(1024),
			    answer;
	struct span text;
	struct reply r;
	buf_fmt(&body, "{\"user\":\"alice\",\"expires_in\":\"300d\","
		       "\"scopes\":[\"mintmark:self\"]}");
	buf_fmt(&request,
		"POST /v1/tokens HTTP/1.1\r\nHost: x\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		body.len, (const char *)body.at);
	MM_ASSERT(buf_done(&request, &text) == MM_OK);
	pair_ask(&near, text, &answer);
	struct span stream = span_of(answer.at, answer.len);
	MM_ASSERT(reply_next(&stream, &r) && r.status == 201);
	json_t *o = json_loadb((const char *)r.body.at, r.body.len, 0, NULL);
	const char *made = json_string_value(json_object_get(o, "token"));
	MM_ASSERT(made != NULL);
	buf_free(&token);
	token = buf_new(TOKEN_MAX);
	buf_str(&token, made);
	json_decref(o);
}

static void begin(void)
{
	if (begun)
		return;
	begun = true;
	log_set_level(LOG_EMERG);
	start();
	pair_begin(&far, issuer.is.http, false);
	pair_begin(&near, issuer.is.http, true);
	take_token();
	MM_ASSERT(atexit(end) == 0);
}

/* ---- who was let in ---- */

/* 2xx and 3xx so far, of each route. */
static void count(uint64_t out[ROUTES_MAX])
{
	const struct http_server *s = issuer.is.http;
	MM_ASSERT(s->routes < ROUTES_MAX);
	for (size_t i = 0; i < s->routes; i++)
		out[i] = counter_get(&s->stats[i].status[2]) +
			 counter_get(&s->stats[i].status[3]);
}

/* May it answer so, to a stranger or to a user? */
static bool may(const struct http_route *r, bool has_token)
{
	bool asks_itself = !strcmp(r->path, "/oauth/token") ||
			   !strcmp(r->path, "/console/session");
	switch (r->need) {
	case NEED_NOTHING:
		return has_token || !asks_itself ||
		       strcmp(r->method, "DELETE") == 0;
	case NEED_SELF:
	case NEED_LOOK:
	case NEED_ROTATE:
	case NEED_SIGN_IN:
		return has_token;
	default:
		return false;
	}
}

static void check_counts(const uint64_t before[ROUTES_MAX], bool has_token)
{
	uint64_t after[ROUTES_MAX];
	count(after);
	for (size_t i = 0; i < issuer.is.http->routes; i++)
		MM_ASSERT(after[i] == before[i] ||
			  may(&issuer_routes[i], has_token));
}

bool fuzz_one(struct span input)
{
	AUTO_BUF struct buf request = buf_new(1 << 20), answer;
	uint64_t before[ROUTES_MAX];
	struct span text, rest;
	struct reply r;
	bool good = false, dead = false;
	begin();
	struct span secret = span_of(token.at, token.len);
	bool has_token = tokens_fill(input, secret, &request);
	MM_ASSERT(buf_done(&request, &text) == MM_OK);
	count(before);
	pair_ask(&far, text, &answer);
	rest = span_of(answer.at, answer.len);
	(void)replies_check(rest, secret);
	check_counts(before, has_token);
	while (reply_next(&rest, &r)) {
		good |= r.status >= 200 && r.status < 300;
		dead |= r.status == 401;
	}
	if (has_token && (dead || good)) /* it may have revoked itself */
		take_token();
	return good;
}
