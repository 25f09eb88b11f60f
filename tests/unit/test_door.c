/* The agent's door, asked over its socket as proxies ask. */
#include "tests/unit/verifier_fixture.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "verifier/agent/door.h"
#include "verifier/state.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

struct house {
	struct mint m;
	struct state_writer w;
	struct door *door;
	char listen[120];
};

static struct door_options options(const struct house *h)
{
	return (struct door_options){ .listen = h->listen,
				      .state = h->m.path,
				      .warn_before = 14 * DAY };
}

static void begin(struct house *h)
{
	struct why why = { .text = "" };
	mint_begin(&h->m);
	h->w = STATE_WRITER_NONE;
	snprintf(h->listen, sizeof h->listen, "unix:%s/auth.sock", h->m.folder);
	assert_ok(door_check(h->listen, &why));
	const struct door_options opt = options(h);
	assert_ok(door_start(&opt, &h->door, &why));
}

static void publish(struct house *h, int64_t fresh_at)
{
	assert_ok(state_create(&h->w, h->m.path, &h->m.r, NULL, DAY, NULL));
	state_put_head(&h->w, 7, fresh_at);
	assert_ok(state_install(&h->w, NULL));
}

static void end(struct house *h)
{
	door_stop(h->door);
	if (h->w.fd >= 0)
		state_writer_close(&h->w);
	mint_end(&h->m);
}

/* ---- the proxy ---- */

static int reach(const struct house *h)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_true(span_copy(a.sun_path, sizeof a.sun_path,
			      span_str(h->listen + strlen("unix:"))));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* One request, one answer, to the end. */
static void send_request(const struct house *h, struct span request,
			 struct buf *answer)
{
	int fd = reach(h);
	uint8_t piece[4096];
	ssize_t n;
	assert_true(file_write_all(fd, request));
	while ((n = read(fd, piece, sizeof piece)) > 0)
		buf_add(answer, span_of(piece, (size_t)n));
	close(fd);
}

static unsigned status_of(const struct buf *answer)
{
	assert_true(answer->len > 12);
	assert_memory_equal(answer->at, "HTTP/1.1 ", 9);
	return (unsigned)strtoul((const char *)answer->at + 9, NULL, 10);
}

/* With the token for %T. */
static void put(struct buf *b, const char *text, struct span token)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (c[0] != '%' || c[1] != 'T') {
			buf_add(b, span_of(c, 1));
			continue;
		}
		buf_add(b, token);
		c++;
	}
}

/* line: "GET /auth"; headers end in CRLF each. */
static unsigned ask(const struct house *h, const char *line,
		    const char *headers, struct span token, struct buf *answer)
{
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span request;
	put(&b, line, token);
	buf_str(&b, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
	put(&b, headers, token);
	buf_str(&b, "\r\n");
	assert_ok(buf_done(&b, &request));
	*answer = buf_new(1 << 20);
	send_request(h, request, answer);
	return status_of(answer);
}

static bool answers(const struct buf *answer, const char *text)
{
	return memmem(answer->at, answer->len, text, strlen(text)) != NULL;
}

/* ---- tokens ---- */

enum { ALICE, ANOTHER, REVOKED, SPACE, LINE, STAR, LOCAL, TOKENS };

static struct says token_of(int which)
{
	static const char *const sub[TOKENS] = {
		[ALICE] = "alice",
		[ANOTHER] = "bob",
		[REVOKED] = "alice",
		[SPACE] = "alice ",
		[LINE] = "alice\\nX-Mintmark-Scopes: all",
		[STAR] = "alice",
		[LOCAL] = "alice",
	};
	return (struct says){ .sub = sub[which],
			      .scope = which == ALICE ? "photos:read node:dir:r"
				       : which == STAR ? "a *"
						       : NULL,
			      .aud = which == ALICE ? "\"files\"" : NULL,
			      .cidr = which == LOCAL ? "192.0.2.0/24" : NULL,
			      .exp = T0 + 4000 * DAY,
			      .idx = (uint32_t)which };
}

#define BEARER	  "Authorization: Bearer %T\r\n"
#define NEED	  "X-Mintmark-Need: "
#define FROM	  "X-Forwarded-For: "
#define BY_HEADER "GET /auth?need=header"

static const struct row {
	const char *line, *headers;
	unsigned status;
	const char *has;   /* in the answer; NULL: anything */
	const char *never; /* nowhere in it */
	int token;
} rows[] = {
	/* who it is */
	{ "GET /auth", BEARER, 200, "X-Mintmark-User: alice\r\n", "reason",
	  ALICE },
	{ "GET /auth", BEARER, 200,
	  "X-Mintmark-Scopes: photos:read node:dir:r\r\n", NULL, ALICE },
	{ "GET /auth", BEARER, 200, "X-Mintmark-Id: 1.0\r\n", NULL, ALICE },
	{ "GET /auth", BEARER, 200,
	  "X-Mintmark-Expires: 2037-09-03T14:13:20Z\r\n", "Sunset", ALICE },
	{ "GET /auth", BEARER, 200, "X-Mintmark-User: bob\r\n", "reason",
	  ANOTHER },
	{ "GET /auth", BEARER, 200, "X-Mintmark-Scopes: *\r\n", NULL, ANOTHER },
	{ "GET /auth", BEARER, 500, "means all rights", "Scopes: ", STAR },
	{ "HEAD /auth", BEARER, 200, "X-Mintmark-User: alice\r\n", NULL,
	  ALICE },
	{ "POST /auth", BEARER, 405, NULL, "X-Mintmark-User", ALICE },
	{ "GET /auth", BEARER, 500, "cannot be written", "alice", SPACE },
	{ "GET /auth", BEARER, 500, "cannot be written", "alice", LINE },

	/* nobody, and who is not welcome */
	{ "GET /auth", "", 401,
	  "WWW-Authenticate: Bearer realm=\"mintmark\"\r\n", "error=", ALICE },
	{ "GET /auth", "", 401,
	  "WWW-Authenticate: Basic realm=\"mintmark\", charset=\"UTF-8\"\r\n",
	  "X-Mintmark-Reason", ALICE },
	{ "GET /auth", "Authorization: Bearer x\r\n", 401,
	  "X-Mintmark-Reason: malformed\r\n", "User", ALICE },
	{ "GET /auth", BEARER, 401, "X-Mintmark-Reason: revoked\r\n",
	  "\"revoked", REVOKED },
	{ "GET /auth", BEARER, 401, ", error=\"invalid_token\"\r\n", NULL,
	  REVOKED },
	{ "GET /auth", "Authorization: Basic Og==\r\n", 401,
	  "X-Mintmark-Reason: malformed\r\n", NULL, ALICE },
	{ "GET /auth?audience=files", BEARER, 200, NULL, NULL, ALICE },
	{ "GET /auth?audience=photos", BEARER, 401,
	  "X-Mintmark-Reason: wrong_audience\r\n", NULL, ALICE },

	/* from where: the last word is the proxy's */
	{ "GET /auth", BEARER FROM "192.0.2.7\r\n", 200,
	  "X-Mintmark-User: alice\r\n", NULL, LOCAL },
	{ "GET /auth", BEARER FROM "10.0.0.1, 192.0.2.7\r\n", 200, NULL, NULL,
	  LOCAL },
	{ "GET /auth", BEARER FROM "192.0.2.7\r\n" FROM "192.0.2.8\r\n", 200,
	  NULL, NULL, LOCAL },
	{ "GET /auth", BEARER FROM "192.0.2.7, 10.0.0.1\r\n", 401,
	  "X-Mintmark-Reason: wrong_address\r\n", "X-Mintmark-User", LOCAL },
	{ "GET /auth", BEARER FROM "192.0.2.7\r\n" FROM "10.0.0.1\r\n", 401,
	  NULL, NULL, LOCAL },
	{ "GET /auth", BEARER, 401, "X-Mintmark-Reason: wrong_address\r\n",
	  "\"wrong_address", LOCAL },
	{ "GET /auth", BEARER FROM "192.0.2.7,\r\n", 401, NULL, NULL, LOCAL },
	{ "GET /auth", BEARER FROM "192.0.2.7:443\r\n", 401, NULL, NULL,
	  LOCAL },
	{ "GET /auth", BEARER FROM "host.example.org\r\n", 401, NULL, NULL,
	  LOCAL },
	{ "GET /auth", BEARER FROM "nonsense\r\n", 200, NULL, NULL, ALICE },
	{ "GET /auth/a", BEARER NEED "from=192.0.2.7\r\n" FROM "10.0.0.1\r\n",
	  200, NULL, NULL, LOCAL },
	{ "GET /auth/a", BEARER NEED "from=10.0.0.1\r\n" FROM "192.0.2.7\r\n",
	  401, NULL, NULL, LOCAL },
	{ "GET /auth/a?from=192.0.2.7", BEARER NEED "audience=files\r\n", 401,
	  NULL, NULL, LOCAL },
	{ "GET /auth?from=x", BEARER, 500, "from is an address", NULL, ALICE },

	/* where tokens have no business */
	{ "GET /auth?access_token=%T", "", 500, NULL, NULL, ALICE },
	{ "GET /auth", "X-Token: %T\r\nCookie: t=%T\r\n", 401, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER BEARER, 400, NULL, "X-Mintmark-User", ALICE },
	{ "GET /auth", BEARER "Authorization: Basic Og==\r\n", 400, NULL,
	  "X-Mintmark-User", ALICE },
	{ "GET /auth", BEARER "authorization: Bearer x\r\n", 400, NULL,
	  "X-Mintmark-User", ALICE },
	{ "GET /auth", "Authorization: Bearer %T, Bearer %T\r\n", 401, NULL,
	  NULL, ALICE },

	/* what is needed */
	{ "GET /auth?scope=photos:read", BEARER, 200, NULL, NULL, ALICE },
	{ "GET /auth?scope=photos:write", BEARER, 403,
	  "error=\"insufficient_scope\", scope=\"photos:write\"\r\n", "User",
	  ALICE },
	{ "GET /auth?scope=photos:write", BEARER, 403,
	  "X-Mintmark-Reason: insufficient_scope\r\n", "Basic", ALICE },
	{ BY_HEADER, BEARER NEED "scope=photos:write\r\n", 403, NULL, NULL,
	  ALICE },
	{ BY_HEADER, BEARER NEED "scope=photos:read\r\n", 200, NULL, NULL,
	  ALICE },
	{ BY_HEADER, BEARER NEED "audience=photos\r\n", 401,
	  "X-Mintmark-Reason: wrong_audience\r\n", NULL, ALICE },
	{ BY_HEADER, BEARER NEED "from=192.0.2.7\r\n" FROM "10.0.0.1\r\n", 200,
	  NULL, NULL, LOCAL },
	{ "GET /auth?type=node&ids=leaf+dir&method=GET", BEARER, 200, NULL,
	  NULL, ALICE },
	{ "GET /auth?type=node&ids=leaf+dir",
	  BEARER "X-Forwarded-Method: PUT\r\n", 403, "scope=\"node:leaf:w\"",
	  NULL, ALICE },
	{ "GET /auth?type=node&ids=leaf+dir&method=PUT",
	  BEARER "X-Forwarded-Method: GET\r\n", 403, NULL, NULL, ALICE },
	{ "GET /auth?type=node&ids=leaf+dir",
	  BEARER "X-Original-Method: GET\r\n", 200, NULL, NULL, ALICE },
	{ "GET /auth?type=node&ids=leaf+dir",
	  BEARER "X-Original-Method: GET\r\nX-Forwarded-Method: PUT\r\n", 403,
	  NULL, NULL, ALICE },
	{ "GET /auth?type=node&ids=leaf+dir",
	  BEARER "X-Forwarded-Method: GET\r\nX-Forwarded-Method: PUT\r\n", 403,
	  NULL, NULL, ALICE },
	{ "GET /auth?type=node&ids=leaf+dir", BEARER, 500, "misconfigured",
	  "X-Mintmark-User", ALICE },
	{ "GET /auth?scop=x", BEARER, 500, "scop", "X-Mintmark-User", ALICE },
	{ "GET /auth?scope=a&scope=b", BEARER, 400, NULL, "X-Mintmark-User",
	  ALICE },
	{ BY_HEADER, BEARER NEED "scope=a&scope=b\r\n", 500, NULL,
	  "X-Mintmark-User", ALICE },
	{ BY_HEADER, BEARER NEED "scope=%zz\r\n", 500, NULL, "X-Mintmark-User",
	  ALICE },
	{ BY_HEADER, BEARER NEED "scop=x\r\n", 500, NULL, "X-Mintmark-User",
	  ALICE },
	{ BY_HEADER, BEARER NEED "need=header\r\n", 500, NULL,
	  "X-Mintmark-User", ALICE },
	{ BY_HEADER, BEARER, 500, "is empty or not there", "X-Mintmark-User",
	  ALICE },
	{ BY_HEADER, BEARER NEED "\r\n", 500, "is empty or not there", NULL,
	  ALICE },
	{ "GET /auth?need=head", BEARER, 500, "no such parameter", NULL,
	  ALICE },
	{ "GET /auth?need=header&scope=a", BEARER, 500, "no such parameter",
	  NULL, ALICE },

	/* what the client may not say */
	{ "GET /auth?scope=photos:read", BEARER NEED "scope=photos:read\r\n",
	  400, NULL, "X-Mintmark-User", ALICE },
	{ "GET /auth?need=head", BEARER NEED "scope=photos:read\r\n", 400, NULL,
	  NULL, ALICE },
	{ "GET /auth?need=header&scope=photos:read",
	  BEARER NEED "scope=photos:read\r\n", 400, NULL, NULL, ALICE },
	{ "GET /auth", BEARER NEED "scope=photos:read\r\n", 400,
	  "/auth?need=header", "X-Mintmark-User", ALICE },
	{ "GET /auth", BEARER NEED "from=192.0.2.7\r\n", 400, NULL,
	  "X-Mintmark-User", LOCAL },
	{ "GET /auth", BEARER "x-mintmark-need: from=192.0.2.7\r\n", 400, NULL,
	  "X-Mintmark-User", LOCAL },
	{ BY_HEADER, BEARER NEED "scope=a\r\n" NEED "scope=b\r\n", 400, NULL,
	  NULL, ALICE },
	{ "GET /auth", BEARER "X-Mintmark-User: root\r\n", 400, NULL, "root",
	  ALICE },
	{ "GET /auth", BEARER "x-mintmark-scopes: a\r\n", 400, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER "X_Mintmark_User: root\r\n", 400, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER "X.Mintmark.User: root\r\n", 400, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER "x~mintmark!user: root\r\n", 400, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER NEED "\r\n", 400, NULL, NULL, ALICE },
	{ "GET /auth", BEARER "XXMintmarkXUser: root\r\n", 200, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER "X-Mintmark-: root\r\n", 400, NULL, NULL, ALICE },
	{ "GET /auth", BEARER "X-Mintmark-Neede: a\r\n", 400, NULL, NULL,
	  ALICE },
	{ "GET /auth", BEARER "X-Mintmark: a\r\n", 200, NULL, NULL, ALICE },
	{ "GET /auth", BEARER "MX-Mintmark-User: a\r\n", 200, NULL, NULL,
	  ALICE },

	/* Envoy: path, query and method are the client's */
	{ "GET /auth/", BEARER NEED "scope=photos:read\r\n", 200, NULL, NULL,
	  ALICE },
	{ "GET /auth/", BEARER, 500, "is empty or not there", NULL, ALICE },
	{ "GET /auth/a?need=header", BEARER, 500, "is empty or not there", NULL,
	  ALICE },
	{ "PUT /auth/a/b?scope=x&scope=%zz",
	  BEARER NEED "scope=photos:read\r\n", 200, NULL, NULL, ALICE },
	{ "PUT /auth/a/b?scope=photos:read", BEARER NEED "scope=x\r\n", 403,
	  NULL, NULL, ALICE },
	{ "PROPFIND /auth/a", BEARER NEED "type=node&ids=dir\r\n", 200, NULL,
	  NULL, ALICE },
	{ "PUT /auth/a", BEARER NEED "type=node&ids=dir\r\n", 403, NULL, NULL,
	  ALICE },
	{ "PUT /auth/a",
	  BEARER NEED "type=node&ids=dir\r\n"
		      "X-Forwarded-Method: GET\r\n",
	  403, NULL, NULL, ALICE },
	{ "PUT /auth/a", NEED "scope=x\r\n", 401, NULL, NULL, ALICE },
	{ "GET /auth/..", BEARER, 400, NULL, NULL, ALICE },
	{ "GET /auth/%2e%2E/auth", BEARER, 400, NULL, NULL, ALICE },

	/* and nothing else */
	{ "GET /", BEARER, 404, NULL, NULL, ALICE },
	{ "GET /authx", BEARER, 404, NULL, NULL, ALICE },
	{ "GET /auth%2f", BEARER, 404, NULL, NULL, ALICE },
	{ "GET /v1/tokens", BEARER, 404, NULL, NULL, ALICE },
};

static void test_rows(void **state)
{
	(void)state;
	struct house h;
	struct span token[TOKENS];
	struct buf room[TOKENS];
	begin(&h);
	publish(&h, clock_now());
	assert_ok(state_put_status(&h.w, FIXED, REVOKED, STATUS_REVOKED));
	for (int i = 0; i < TOKENS; i++)
		token[i] = token_make(&h.m, token_of(i), &room[i]);
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct row *r = &rows[i];
		AUTO_BUF struct buf answer;
		unsigned got =
			ask(&h, r->line, r->headers, token[r->token], &answer);
		if (got != r->status || (r->has && !answers(&answer, r->has)) ||
		    (r->never && answers(&answer, r->never)))
			fail_msg("%s\n%s\nwants %u, %s, never %s\n%.*s",
				 r->line, r->headers, r->status,
				 r->has ? r->has : "", r->never ? r->never : "",
				 (int)answer.len, (const char *)answer.at);
		assert_false(answers(&answer, (const char *)token[i % 2].at));
	}
	for (int i = 0; i < TOKENS; i++)
		buf_free(&room[i]);
	end(&h);
}

/* RFC 7617 s2, with RFC 4648 s4. */
static void put_basic(struct buf *b, const char *user, struct span token)
{
	AUTO_BUF struct buf pair = buf_new(4096);
	struct span plain;
	buf_fmt(&pair, "%s:%.*s", user, (int)token.len, (const char *)token.at);
	assert_ok(buf_done(&pair, &plain));
	buf_str(b, "Authorization: Basic ");
	size_t from = b->len;
	base64url_add(b, plain);
	for (size_t i = from; i < b->len; i++)
		b->at[i] = b->at[i] == '-'   ? '+'
			   : b->at[i] == '_' ? '/'
					     : b->at[i];
	while ((b->len - from) % 4 != 0)
		buf_str(b, "=");
	buf_str(b, "\r\n");
}

static void test_basic(void **state)
{
	(void)state;
	static const struct {
		const char *user, *line;
		unsigned status;
		const char *has;
	} with[] = {
		{ "alice", "GET /auth?scope=photos:read", 200,
		  "X-Mintmark-User: alice\r\n" },
		{ "alice", "GET /auth?scope=x", 403, "scope=\"x\"" },
		{ "bob", "GET /auth", 401, "X-Mintmark-Reason: wrong_user" },
		{ "Alice", "GET /auth", 401, "X-Mintmark-Reason: wrong_user" },
		{ "", "GET /auth", 401, "X-Mintmark-Reason: wrong_user" },
		{ "alice:", "GET /auth", 401, "X-Mintmark-Reason: malformed" },
	};
	struct house h;
	struct buf room;
	begin(&h);
	publish(&h, clock_now());
	struct span token = token_make(&h.m, token_of(ALICE), &room);
	for (size_t i = 0; i < ROWS(with); i++) {
		AUTO_BUF struct buf header = buf_new(4096), answer;
		struct span text;
		put_basic(&header, with[i].user, token);
		assert_ok(buf_done(&header, &text));
		assert_int_equal(ask(&h, with[i].line, (const char *)text.at,
				     token, &answer),
				 with[i].status);
		assert_true(answers(&answer, with[i].has));
	}
	buf_free(&room);
	end(&h);
}

/* Days from now. */
static const struct life {
	const char *what;
	int64_t iat, exp, window, last_use, dies;
	bool near;
} lives[] = {
	{ "far", -9, 15, 0, 0, 15, false },
	{ "near", -9, 13, 0, 0, 13, true },
	{ "near, and was never far", -1, 1, 0, 0, 1, true },
	{ "slides, a week at a time", -9, 90, 7, -1, 6, false },
	{ "slides to its limit", -9, 13, 7, -1, 6, true },
	{ "is at its limit", -90, 5, 60, -1, 5, true },
	{ "was not used for long, until now", -90, 90, 60, -55, 5, false },
};

static void put_life(struct house *h, const struct life *l, uint32_t idx,
		     int64_t now, struct buf *b, struct span *token)
{
	const struct says s = { .iat = now + l->iat * DAY,
				.exp = now + l->exp * DAY,
				.window = l->window * DAY,
				.list = l->window ? SLIDE : FIXED,
				.idx = idx };
	if (l->window)
		list_put_last_use(replica_list(&h->m.r, SLIDE), idx,
				  (uint32_t)(now + l->last_use * DAY));
	*token = token_make(&h->m, s, b);
}

static void test_near_its_end(void **state)
{
	(void)state;
	struct house h;
	struct buf room[ROWS(lives)];
	struct span token[ROWS(lives)];
	int64_t now = clock_now();
	begin(&h);
	for (size_t i = 0; i < ROWS(lives); i++)
		put_life(&h, &lives[i], (uint32_t)i, now, &room[i], &token[i]);
	publish(&h, now);
	for (size_t i = 0; i < ROWS(lives); i++) {
		char date[32], expires[80], sunset[80];
		AUTO_BUF struct buf answer;
		date_write(date, now + lives[i].dies * DAY);
		snprintf(expires, sizeof expires, "X-Mintmark-Expires: %s\r\n",
			 date);
		date_write_http(date, now + lives[i].exp * DAY);
		snprintf(sunset, sizeof sunset, "Sunset: %s\r\n", date);
		assert_int_equal(
			ask(&h, "GET /auth", BEARER, token[i], &answer), 200);
		if (!answers(&answer, expires) ||
		    answers(&answer, sunset) != lives[i].near ||
		    answers(&answer, "Sunset") != lives[i].near)
			fail_msg("%s: %.*s", lives[i].what, (int)answer.len,
				 (const char *)answer.at);
		buf_free(&room[i]);
	}
	end(&h);
}

/* Nothing passes while nothing is known; then, without a restart, it does. */
static void test_no_state_yet(void **state)
{
	(void)state;
	struct house h;
	struct buf room;
	unsigned status = 0;
	begin(&h);
	struct span token = token_make(&h.m, token_of(ALICE), &room);
	{
		AUTO_BUF struct buf answer;
		assert_int_equal(ask(&h, "GET /auth", BEARER, token, &answer),
				 503);
		assert_true(answers(&answer, "Retry-After: "));
		assert_true(
			answers(&answer, "X-Mintmark-Reason: unavailable\r\n"));
	}
	publish(&h, clock_now());
	for (int i = 0; i < 200 && status != 200; i++) {
		AUTO_BUF struct buf answer;
		usleep(10 * 1000);
		status = ask(&h, "GET /auth", BEARER, token, &answer);
	}
	assert_int_equal(status, 200);
	buf_free(&room);
	end(&h);
}

static void test_stale(void **state)
{
	(void)state;
	struct house h;
	struct buf room;
	begin(&h);
	publish(&h, clock_now() - DAY - 10);
	struct span token = token_make(&h.m, token_of(ALICE), &room);
	AUTO_BUF struct buf answer;
	assert_int_equal(ask(&h, "GET /auth", BEARER, token, &answer), 503);
	assert_true(answers(&answer, "X-Mintmark-Reason: stale\r\n"));
	assert_false(answers(&answer, "X-Mintmark-User"));
	buf_free(&room);
	end(&h);
}

/* A browser's cookies come along with the subrequest. */
static void test_large_headers(void **state)
{
	(void)state;
	static const struct {
		size_t bytes;
		bool passes;
	} with[] = { { 7000, true }, { 40000, false } };
	struct house h;
	struct buf room;
	begin(&h);
	publish(&h, clock_now());
	struct span token = token_make(&h.m, token_of(ALICE), &room);
	for (size_t i = 0; i < ROWS(with); i++) {
		AUTO_BUF struct buf headers = buf_new(1 << 20), answer;
		struct span text;
		buf_str(&headers, BEARER "Cookie: c=");
		memset(buf_room(&headers, with[i].bytes), 'x', with[i].bytes);
		buf_grew(&headers, with[i].bytes);
		buf_str(&headers, "\r\n");
		assert_ok(buf_done(&headers, &text));
		unsigned status = ask(&h, "GET /auth", (const char *)text.at,
				      token, &answer);
		assert_int_equal(status == 200, with[i].passes);
	}
	buf_free(&room);
	end(&h);
}

/* ---- where it listens ---- */

static void test_listen(void **state)
{
	(void)state;
	static const struct {
		const char *listen;
		enum mm_err e;
	} with[] = {
		{ "127.0.0.1:9080", MM_OK },
		{ "[::1]:9080", MM_OK },
		{ "localhost:9080", MM_OK },
		{ "unix:/run/mintmark/auth.sock", MM_OK },
		{ "/run/mintmark/auth.sock", MM_OK },
		{ "0.0.0.0:9080", MM_ERR_INVALID },
		{ "192.0.2.1:9080", MM_ERR_INVALID },
		{ "example.org:9080", MM_ERR_INVALID },
		{ "[::]:9080", MM_ERR_INVALID },
		{ "unix:auth.sock", MM_ERR_INVALID },
		{ "127.0.0.1", MM_ERR_INVALID },
		{ "9080", MM_ERR_INVALID },
	};
	for (size_t i = 0; i < ROWS(with); i++) {
		struct why why = { .text = "" };
		if (door_check(with[i].listen, &why) != with[i].e)
			fail_msg("%s: %s", with[i].listen, why.text);
		assert_int_equal(why.text[0] == '\0', with[i].e == MM_OK);
	}
}

/* The proxies' group may, others may not; and it is gone afterwards. */
static void test_socket(void **state)
{
	(void)state;
	struct house h;
	struct stat st;
	struct door *second = NULL;
	mode_t before = umask(022);
	begin(&h);
	umask(before);
	const char *path = h.listen + strlen("unix:");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	struct why why = { .text = "" };
	const struct door_options opt = options(&h);
	assert_err(door_start(&opt, &second, &why), MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "another program answers"));
	door_stop(second);
	assert_int_equal(stat(path, &st), 0);
	door_stop(h.door);
	h.door = NULL;
	assert_int_not_equal(stat(path, &st), 0);
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_near_its_end),
		cmocka_unit_test(test_no_state_yet),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_large_headers),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_socket),
	};
	log_set_level(LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
