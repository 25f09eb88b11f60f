/* test_follow_http.c - a follower and the issuer that it asks: what it asks for
 * next, how soon, and what it says. */
#include "tests/unit/follow_fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "verifier/follow.h"
#include "verifier/include/mintmark/verify.h"

/* ---- what the linker puts in the way ---- */

int64_t __real_clock_now(void), __wrap_clock_now(void);

static _Atomic int64_t set_back; /* seconds, the wall clock */

int64_t __wrap_clock_now(void)
{
	return __real_clock_now() - set_back;
}

/* ---- an issuer ---- */

/* A tiny issuer: says what it is told to say, and notes what it was asked. */
struct server {
	struct mint m; /* its iss is its own URL */
	int fd;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint snapshots, polls, uses, jwks, unauthorized, status;
	pthread_mutex_t lock;
	uint64_t seq;		/* events up to here; each n revokes index n */
	uint64_t most;		/* in a batch; 0: all */
	_Atomic int64_t frozen; /* when batches are dated; 0: now */
	atomic_bool lost;	/* batches are of the epoch of m, not EPOCH */
	_Atomic int64_t refused, whole; /* when one was last, and the snapshot
					 * was asked for last; clock_ms() */
};

static void reply(int fd, unsigned status, struct span body)
{
	char head[128];
	int n = snprintf(head, sizeof head,
			 "HTTP/1.1 %u X\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n",
			 status, body.len);
	(void)!send(fd, head, (size_t)n, MSG_NOSIGNAL | MSG_MORE);
	(void)!send(fd, body.at, body.len, MSG_NOSIGNAL);
}

static void answer_feed(struct server *s, int fd, const char *path)
{
	AUTO_BUF struct buf b = buf_new(16);
	AUTO_BUF struct buf events = buf_new(1 << 20);
	struct span text;
	uint64_t after = strtoull(strstr(path, "after=") + 6, NULL, 10);
	int64_t iat = s->frozen ? s->frozen : clock_now();
	struct batch batch = { .after = after, .iat = iat };
	if (s->lost) {
		batch.epoch = s->m.r.epoch;
		s->refused = clock_ms();
	}
	pthread_mutex_lock(&s->lock);
	uint64_t last =
		s->most && after + s->most < s->seq ? after + s->most : s->seq;
	batch.more = last < s->seq;
	for (uint64_t n = after + 1; n <= last; n++, batch.count++) {
		buf_str(&events, batch.count ? "," : "");
		buf_str(&events, revoked(n, (uint32_t)n));
	}
	pthread_mutex_unlock(&s->lock);
	assert_ok(buf_done(&events, &text));
	batch.events = (const char *)text.at;
	reply(fd, 200, batch_make(&s->m, batch, &b));
}

static void answer(struct server *s, int fd, const char *rq)
{
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span text;
	bool authorized = strstr(rq, "Authorization: Bearer agent.token\r\n");
	unsigned status = atomic_load(&s->status);
	if (!strncmp(rq, "GET /.well-known/jwks.json ", 27)) {
		s->jwks++;
		assert_ok(jwk_set_to_json(&s->m.r.keys, &b));
		assert_ok(buf_done(&b, &text));
		reply(fd, 200, text);
	} else if (!authorized) {
		s->unauthorized++;
		reply(fd, 401, span_str(""));
	} else if (!strncmp(rq, "GET /v1/snapshot ", 17)) {
		s->snapshots++;
		s->whole = clock_ms();
		reply(fd, 200, snapshot_make(&s->m, s->m.key, &b));
	} else if (!strncmp(rq, "POST /v1/uses ", 14)) {
		s->uses++;
		reply(fd, 200, span_str("{}"));
	} else if (status != 200) {
		s->polls++;
		reply(fd, status, span_str(""));
	} else {
		s->polls++;
		answer_feed(s, fd, rq);
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	while (!atomic_load(&s->stop)) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		if (poll(&p, 1, 20) <= 0)
			continue;
		char rq[4096];
		int fd = accept(s->fd, NULL, NULL);
		ssize_t n = recv(fd, rq, sizeof rq - 1, 0);
		rq[n > 0 ? n : 0] = '\0';
		if (n > 0)
			answer(s, fd, rq);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	return NULL;
}

static void server_begin(struct server *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof to;
	memset(s, 0, sizeof *s);
	mint_begin(&s->m);
	s->status = 200;
	s->seq = 7;
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&to, len), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&to, &len), 0);
	snprintf(s->m.r.iss, ISS_SIZE, "http://127.0.0.1:%u",
		 ntohs(to.sin_port));
	s->m.r.iat = clock_now();
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	close(s->fd);
	mint_end(&s->m);
}

static void options(struct server *s, const char *token,
		    struct follower_options *o)
{
	*o = (struct follower_options){ .state = s->m.path,
					.max_staleness = 60 };
	o->issuer.count = 1;
	snprintf(o->issuer.url[0], LINK_TEXT, "%s", s->m.r.iss);
	snprintf(o->issuer.token_file, LINK_TEXT, "%s/token", s->m.folder);
	assert_ok(file_replace(o->issuer.token_file, span_str(token), 0600,
			       NULL));
}

static bool sees(const struct server *s, uint32_t idx)
{
	AUTO_MAP struct state_map *m = NULL;
	if (state_map_open(s->m.path, &m, NULL) != MM_OK)
		return false;
	return state_status(m->head, state_find(m->head, FIXED), idx) ==
	       STATUS_REVOKED;
}

/* Ten seconds at most; returns as soon as it is so. */
#define EVENTUALLY(what)                                                       \
	do {                                                                   \
		int64_t until_ = clock_ms() + 10000;                           \
		while (!(what) && clock_ms() < until_)                         \
			usleep(2000);                                          \
		if (!(what))                                                   \
			fail_msg("never: %s", #what);                          \
	} while (0)

/* One that has the snapshot. */
static struct follower *follow(const struct follower_options *o)
{
	struct follower *f;
	struct why why = { .text = "" };
	if (follower_start(o, &f, &why) != MM_OK ||
	    follower_wait(f, 10000, &why) != MM_OK)
		fail_msg("%s", why.text);
	return f;
}

/* ---- tests ---- */

static void test_over_http(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	struct follower *f;
	struct why why = { .text = "" };
	server_begin(&s);
	options(&s, "agent.token\n", &o);
	f = follow(&o);
	assert_false(sees(&s, 8));
	pthread_mutex_lock(&s.lock);
	s.seq = 9;
	pthread_mutex_unlock(&s.lock);
	EVENTUALLY(sees(&s, 8) && sees(&s, 9));
	assert_int_equal(s.jwks, 1);
	assert_int_equal(s.snapshots, 1);

	/* our events are gone from its log: the snapshot again */
	s.m.r.seq = 9;
	s.status = 410;
	EVENTUALLY(s.snapshots >= 2);
	s.status = 200;
	follower_stop(f, false);

	/* and from the disk, with the issuer away */
	s.status = 503;
	assert_ok(follower_start(&o, &f, &why));
	assert_ok(follower_wait(f, 0, &why));
	follower_stop(f, false);
	server_end(&s);
}

/* Away for longer than max_staleness, and many batches behind: they are taken
 * one after the other, without a pause. */
static void test_far_behind(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	struct follower *f;
	struct why why = { .text = "" };
	server_begin(&s);
	s.most = 10;
	options(&s, "agent.token\n", &o);
	f = follow(&o);
	follower_stop(f, false);
	set_back = -3600;
	pthread_mutex_lock(&s.lock);
	s.seq = 200;
	pthread_mutex_unlock(&s.lock);
	assert_ok(follower_start(&o, &f, &why));
	EVENTUALLY(sees(&s, 200));
	follower_stop(f, false);
	set_back = 0;
	server_end(&s);
}

/* Who listens for two sentences. */
struct heard {
	const char *part[2];
	atomic_bool it[2];
};

static void hear_one(void *ctx, const struct follower_news *n)
{
	struct heard *h = ctx;
	for (size_t i = 0; i < 2; i++)
		if (h->part[i] != NULL && strstr(n->text, h->part[i]) != NULL)
			h->it[i] = true;
}

static void listen_for(struct heard *h, const char *one, const char *other,
		       struct follower_options *o)
{
	*h = (struct heard){ .part = { one, other } };
	o->say = hear_one;
	o->say_ctx = h;
}

/* Somebody holds the feed still before a host whose clock was set back: he is
 * found out by the steady one, and left. */
static void test_F9_freeze_under_a_clock_that_is_behind(void **state)
{
	(void)state;
	static struct server s;
	static struct heard heard;
	struct follower_options o;
	struct follower_stats stats;
	struct follower *f;
	server_begin(&s);
	options(&s, "agent.token\n", &o);
	o.max_staleness = 3;
	listen_for(&heard, "older than max-staleness", NULL, &o);
	f = follow(&o);
	EVENTUALLY(s.polls >= 1);
	s.frozen = clock_now();
	set_back = 3600;
	EVENTUALLY(heard.it[0]);
	follower_stats(f, &stats);
	assert_true(stats.silent);
	follower_stop(f, false);
	set_back = 0;
	server_end(&s);
}

/* The mint's keys are others, and nothing that is kept here is believed any
 * more: so they are asked for, also by a clock for which it is young. */
static void test_other_keys_under_a_clock_that_is_behind(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	struct follower *f;
	struct why why = { .text = "" };
	server_begin(&s);
	options(&s, "agent.token\n", &o);
	f = follow(&o);
	follower_stop(f, false);
	struct jwk *first = s.m.key;
	assert_ok(jwk_generate(JWK_ES256, &s.m.key));
	jwk_set_clear(&s.m.r.keys);
	assert_ok(jwk_set_add(&s.m.r.keys, s.m.key));

	/* what is kept is believed: nobody else leads this host on */
	unsigned asked = s.polls;
	assert_ok(follower_start(&o, &f, &why));
	EVENTUALLY(s.polls > asked + 1);
	assert_int_equal(s.jwks, 1);
	follower_stop(f, false);

	set_back = 3600;
	assert_ok(follower_start(&o, &f, &why));
	EVENTUALLY(s.jwks == 2);
	follower_stop(f, false);
	set_back = 0;
	jwk_drop(first);
	server_end(&s);
}

static void test_an_issuer_without_room(void **state)
{
	(void)state;
	static struct server s;
	static struct heard heard;
	struct follower_options o;
	server_begin(&s);
	options(&s, "agent.token\n", &o);
	listen_for(&heard, "has no room on its disk (507)", NULL, &o);
	struct follower *f = follow(&o);
	s.status = 507;
	EVENTUALLY(heard.it[0]);
	follower_stop(f, false);
	server_end(&s);
}

/* The way out is said, also where the batch was refused before it. */
static void test_another_history_that_is_older(void **state)
{
	(void)state;
	static struct server s;
	static struct heard heard;
	struct follower_options o;
	struct follower *f;
	server_begin(&s);
	options(&s, "agent.token\n", &o);
	listen_for(&heard, "the batch is refused", "take the .checkpoint", &o);
	f = follow(&o);
	EVENTUALLY(s.polls >= 1);
	memset(s.m.r.epoch, 'f', 32);
	s.m.r.iat -= DAY;
	s.lost = true;
	EVENTUALLY(heard.it[0] && heard.it[1]);
	follower_stop(f, false);
	server_end(&s);
}

/* The issuer was away, and what it says when it is back is that there is a new
 * history: it is there, so that is asked for as after a first failure. */
static void test_another_history_after_a_while(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	server_begin(&s);
	options(&s, "agent.token\n", &o);
	struct follower *f = follow(&o);
	s.status = 500;
	unsigned before = s.polls;
	EVENTUALLY(s.polls >= before + 4); /* 0.5, 1, 2, and now 4 s */
	memset(s.m.r.epoch, 'f', 32);
	s.m.r.iat = clock_now();
	s.lost = true;
	s.status = 200;
	follower_wake(f);
	s.whole = 0;
	EVENTUALLY(s.whole != 0);
	assert_in_range(s.whole - s.refused, 300, 2000);
	follower_stop(f, false);
	server_end(&s);
}

/* Pinned keys: the issuer is not asked for them. */
static void test_pinned(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	struct follower *f;
	struct why why = { .text = "" };
	AUTO_BUF struct buf jwks = buf_new(1 << 16);
	AUTO_JWK struct jwk *stranger = NULL;
	struct jwk_set wrong = { .count = 0 };
	struct span text;
	char path[100];
	server_begin(&s);
	options(&s, "agent.token", &o);
	snprintf(path, sizeof path, "%s/jwks.json", s.m.folder);
	o.jwks_file = path;
	assert_ok(jwk_generate(JWK_ES256, &stranger));
	assert_ok(jwk_set_add(&wrong, stranger));
	assert_ok(jwk_set_to_json(&wrong, &jwks));
	assert_ok(buf_done(&jwks, &text));
	assert_ok(file_replace(path, text, 0600, NULL));
	assert_ok(follower_start(&o, &f, &why));
	EVENTUALLY(s.snapshots >= 1);
	assert_err(follower_wait(f, 50, &why), MM_ERR_UNAVAILABLE);
	follower_stop(f, false);

	buf_free(&jwks);
	assert_ok(jwk_set_to_json(&s.m.r.keys, &jwks));
	assert_ok(buf_done(&jwks, &text));
	assert_ok(file_replace(path, text, 0600, NULL));
	f = follow(&o);
	follower_stop(f, false);
	assert_int_equal(s.jwks, 0);
	jwk_set_clear(&wrong);
	server_end(&s);
}

/* The same follower inside mm_open(), on a private file; uses are told
 * before mm_close() lets go. */
static void test_own_follower(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	struct mm_verifier *v;
	struct mm_token t;
	char why[200] = "", user_dir[100];
	AUTO_BUF struct buf b;
	server_begin(&s);
	options(&s, "agent.token", &o);
	snprintf(user_dir, sizeof user_dir, "%s/tmp", s.m.folder);
	assert_int_equal(mkdir(user_dir, 0700), 0);
	assert_int_equal(setenv("TMPDIR", user_dir, 1), 0);
	struct mm_options opt = { .state = o.issuer.url[0],
				  .token_file = o.issuer.token_file,
				  .why = why,
				  .why_size = sizeof why };
	if (mm_open(&opt, &v) != MM_OK)
		fail_msg("%s", why);
	struct span token = token_make(&s.m,
				       (struct says){ .iss = s.m.r.iss,
						      .list = SLIDE,
						      .iat = clock_now() - 60,
						      .exp = clock_now() + DAY,
						      .window = 3600 },
				       &b);
	assert_ok(mm_verify(v, (const char *)token.at, token.len, &t));
	assert_ok(mm_verify(v, (const char *)token.at, token.len, &t));
	mm_close(v);
	assert_int_equal(rmdir(user_dir), 0); /* nothing left behind */
	assert_int_equal(s.uses, 1);
	server_end(&s);
}

static void test_refused_token(void **state)
{
	(void)state;
	static struct server s;
	struct follower_options o;
	struct follower *f;
	struct why why = { .text = "" };
	server_begin(&s);
	options(&s, "another.token\n", &o);
	assert_ok(follower_start(&o, &f, &why));
	EVENTUALLY(s.unauthorized >= 1);
	assert_err(follower_wait(f, 100, &why), MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "--token-file"));
	assert_null(strstr(why.text, "another.token"));
	options(&s, "agent.token\n", &o); /* replaced while it runs */
	follower_wake(f);
	assert_ok(follower_wait(f, 10000, &why));
	follower_stop(f, false);
	server_end(&s);
}

static void test_bad_options(void **state)
{
	(void)state;
	static struct server s;
	static const char *const tokens[] = { "", "\n", "a b\n", "a\nb\n",
					      "a\x01\n" };
	static const char *const urls[] = {
		"http://pat.example.org",      "http://127.0.0.1.example.org",
		"https://u:p@pat.example.org", "ftp://localhost",
		"file:///etc/passwd",	       "pat.example.org",
		"http://localhost@evil.org",   "",
	};
	struct follower_options o;
	struct follower *f;
	struct why why = { .text = "" };
	server_begin(&s);
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		options(&s, tokens[i], &o);
		assert_true(follower_start(&o, &f, &why) != MM_OK);
	}
	options(&s, "agent.token\n", &o);
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		snprintf(o.issuer.url[0], LINK_TEXT, "%s", urls[i]);
		if (follower_start(&o, &f, &why) != MM_ERR_INVALID)
			fail_msg("goes to %s", urls[i]);
	}
	options(&s, "agent.token\n", &o);
	o.jwks_file = "/nonexistent/jwks.json";
	assert_err(follower_start(&o, &f, &why), MM_ERR_NOT_FOUND);
	server_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over_http),
		cmocka_unit_test(test_far_behind),
		cmocka_unit_test(test_F9_freeze_under_a_clock_that_is_behind),
		cmocka_unit_test(test_other_keys_under_a_clock_that_is_behind),
		cmocka_unit_test(test_an_issuer_without_room),
		cmocka_unit_test(test_another_history_that_is_older),
		cmocka_unit_test(test_another_history_after_a_while),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_own_follower),
		cmocka_unit_test(test_refused_token),
		cmocka_unit_test(test_bad_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
