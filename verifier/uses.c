/* uses.c - one thread hears of uses, another tells the issuer of them.
 *
 * Two threads, since a request may hang for seconds while datagrams come in
 * that must show in the state file at once. */
#include "verifier/uses.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/clock.h"

#define TELL_MAX	1000 /* uses a request, and besides */
#define SEEN_MAX	500  /* tokens seen: they never take a use's place */
#define SEEN_MS		5000 /* between two requests for their sake alone */
#define ROUND_MAX	32   /* requests without a look at the rest */
#define TELL_TIMEOUT_MS 5000
#define PAUSE_MAX_MS	30000
#define PRUNE_MS	10000
#define FULL_MS		60000 /* between two words of it */

/* ---- hearing ---- */

static void hear(struct uses *u)
{
	struct use_datagram d;
	ssize_t n;
	/* MSG_TRUNC: the true length, so that a longer one is refused too */
	while ((n = recv(u->sock, &d, sizeof d, MSG_DONTWAIT | MSG_TRUNC)) >=
	       0) {
		if (!use_datagram_read(&d, n))
			continue;
		if (!u->opt->report_addresses)
			memset(d.from, 0, sizeof d.from);
		(void)!keep_use(u->keep, &d, clock_now());
	}
}

static void *hearing(void *arg)
{
	struct uses *u = arg;
	struct pollfd fds[] = { { .fd = u->sock, .events = POLLIN },
				{ .fd = u->stop_fd, .events = POLLIN } };
	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[1].revents != 0)
			break;
		hear(u);
	}
	return NULL;
}

static enum mm_err bind_socket(struct uses *u, const char *state,
			       struct why *why)
{
	struct sockaddr_un to;
	int room = 1 << 20;
	MM_ASSERT(use_address(state, &to)); /* keep_open() has seen to it */
	u->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(u->sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	unlink(to.sun_path); /* an earlier agent's: we hold the lock */
	if (u->sock < 0 ||
	    bind(u->sock, (const struct sockaddr *)&to, sizeof to) != 0 ||
	    chmod(to.sun_path, 0660) != 0)
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot make the socket %s: %s", to.sun_path,
			       strerror(errno));
	return MM_OK;
}

/* ---- telling ---- */

/* What one request tells. */
struct report {
	struct use_due use[TELL_MAX];
	struct sighting seen[SEEN_MAX];
	size_t uses, sightings;
};

static void free_report(struct report **r)
{
	free(*r);
}
#define AUTO_REPORT __attribute__((cleanup(free_report)))

static void write_seen(const struct sighting *s, struct buf *out)
{
	char id[JTI_SIZE];
	token_id_write(id, s->list, s->idx);
	buf_fmt(out, "{\"id\":\"%s\",\"at\":%" PRId64, id, s->hour);
	if (s->door[0] != '\0') /* a word: nothing to be escaped */
		buf_fmt(out, ",\"door\":\"%s\"", s->door);
	if (s->from[0] != '\0')
		buf_fmt(out, ",\"from\":\"%s\"", s->from);
	buf_str(out, "}");
}

static enum mm_err write_body(const struct report *r, struct buf *out)
{
	char id[JTI_SIZE];
	buf_str(out, "{\"uses\":[");
	for (size_t i = 0; i < r->uses; i++) {
		token_id_write(id, r->use[i].list, r->use[i].idx);
		buf_fmt(out, "%s{\"id\":\"%s\",\"at\":%" PRId64 "}",
			i ? "," : "", id, r->use[i].at);
	}
	buf_str(out, "],\"seen\":[");
	for (size_t i = 0; i < r->sightings; i++) {
		buf_str(out, i ? "," : "");
		write_seen(&r->seen[i], out);
	}
	buf_str(out, "]}");
	return out->failed;
}

static enum mm_err post(struct uses *u, const struct report *r, struct why *why)
{
	AUTO_BUF struct buf body = buf_new(128 * TELL_MAX);
	AUTO_BUF struct buf answer = buf_new(64 * 1024);
	struct link_ask ask = { .path = "/v1/uses",
				.with_token = true,
				.timeout_ms = TELL_TIMEOUT_MS };
	TRY(write_body(r, &body));
	TRY(buf_done(&body, &ask.post));
	return link_run(&u->link, &ask, &answer, why);
}

static void say(struct uses *u, const char *event, enum mm_err e,
		const char *text)
{
	struct follower_news n = { LOG_WARNING,	       event, e,
				   link_url(&u->link), text,  0 };
	if (u->opt->say != NULL)
		u->opt->say(u->opt->say_ctx, &n);
}

static void say_trouble(struct uses *u, enum mm_err e, const struct why *why)
{
	if (u->said != e)
		say(u, "uses.kept", e, why->text);
	u->said = e;
}

/* Who waits for the lock has it between two slices. */
static size_t collect_uses(struct uses *u, bool all, struct use_due *out)
{
	struct keeper *k = u->keep;
	for (;;) {
		int64_t now = clock_now();
		pthread_mutex_lock(&k->lock);
		size_t n = k->holds ? use_table_due(&k->uses, &k->replica, now,
						    all, out, TELL_MAX)
				    : 0;
		bool more = n == 0 && k->holds &&
			    use_table_is_behind(&k->uses, now);
		pthread_mutex_unlock(&k->lock);
		if (!more)
			return n;
		keep_give_way();
	}
}

/* False: there is nothing to tell. */
static bool collect(struct uses *u, bool all, struct report *r)
{
	struct keeper *k = u->keep;
	int64_t now = clock_now();
	r->sightings = 0;
	r->uses = collect_uses(u, all, r->use);
	pthread_mutex_lock(&k->lock);
	if (all || clock_ms() >= u->next_seen)
		r->sightings = seen_table_due(&k->seen, now, r->seen, SEEN_MAX);
	pthread_mutex_unlock(&k->lock);
	return r->uses + r->sightings != 0;
}

/* A report may come twice (the answer was lost): the issuer does not mind. */
static void told(struct uses *u, const struct report *r, bool taken)
{
	pthread_mutex_lock(&u->keep->lock);
	use_table_told(&u->keep->uses, r->use, r->uses, taken, clock_now());
	for (size_t i = 0; i < r->sightings && taken; i++)
		seen_table_taken(&u->keep->seen, &r->seen[i]);
	u->told += taken ? r->uses : 0;
	pthread_mutex_unlock(&u->keep->lock);
	if (taken && r->sightings != 0 && r->sightings < SEEN_MAX)
		u->next_seen = clock_ms() + SEEN_MS;
}

static void failed(struct uses *u, enum mm_err e, const struct why *why)
{
	bool trying = u->link.trying; /* then the one before it will do */
	if (!trying)
		say_trouble(u, e, why);
	link_next(&u->link);
	if (trying)
		return;
	u->pause = u->pause ? u->pause * 2 : 500;
	if (u->pause > PAUSE_MAX_MS)
		u->pause = PAUSE_MAX_MS;
	u->next_tell = clock_ms() + u->pause;
}

/* In a round so many requests at most: whoever floods the socket would keep
 * us from saving otherwise. */
static void tell(struct uses *u, bool all)
{
	AUTO_REPORT struct report *r = malloc(sizeof *r);
	struct why why = { .text = "" };
	for (int i = 0; r != NULL && (all || i < ROUND_MAX); i++) {
		if (!collect(u, all, r))
			break;
		link_try_back(&u->link);
		enum mm_err e = post(u, r, &why);
		told(u, r, e == MM_OK);
		if (e != MM_OK) {
			failed(u, e, &why);
			return;
		}
		link_worked(&u->link);
	}
	u->pause = 0;
	u->said = MM_OK;
}

static void tell_all(struct uses *u)
{
	pthread_mutex_lock(&u->keep->lock);
	use_table_hasten(&u->keep->uses);
	pthread_mutex_unlock(&u->keep->lock);
	tell(u, true);
}

/* ---- the telling thread's round ---- */

/* A large table is saved less often: at most a tenth of the time goes there. */
static void save(struct uses *u)
{
	struct why why = { .text = "" };
	int64_t began = clock_ms();
	enum mm_err e = keep_save_uses(u->keep, &why);
	if (e != MM_OK)
		say_trouble(u, e, &why);
	int64_t took = clock_ms() - began;
	u->next_save = clock_ms() + (took > 100 ? took * 10 : 1000);
}

static void prune_seen(struct uses *u)
{
	pthread_mutex_lock(&u->keep->lock);
	seen_table_prune(&u->keep->seen, clock_now());
	pthread_mutex_unlock(&u->keep->lock);
	u->next_prune = clock_ms() + PRUNE_MS;
}

/* About each second, and often enough for windows of a few. */
static int64_t tick_ms(struct uses *u)
{
	pthread_mutex_lock(&u->keep->lock);
	bool brisk = u->keep->uses.brisk != 0;
	pthread_mutex_unlock(&u->keep->lock);
	return brisk ? 125 : 1000;
}

/* Said at once, and then once a minute. */
static void say_full(struct uses *u)
{
	struct why why = { .text = "" };
	pthread_mutex_lock(&u->keep->lock);
	uint64_t refused = u->keep->uses.refused;
	size_t tokens = u->keep->uses.count;
	pthread_mutex_unlock(&u->keep->lock);
	if (refused == u->said_refused || clock_ms() < u->next_full)
		return;
	(void)why_say(&why, MM_ERR_FULL, NULL,
		      "no room for %" PRIu64 " uses: those of %zu tokens wait "
		      "for the issuer; see that it can be reached, and who is "
		      "in the group of the socket",
		      refused - u->said_refused, tokens);
	say(u, "uses.full", MM_ERR_FULL, why.text);
	u->said_refused = refused;
	u->next_full = clock_ms() + FULL_MS;
}

/* What could not be shown when it was heard, or shows no longer. */
static void show(struct uses *u)
{
	const char *event;
	struct why why = { .text = "" };
	pthread_mutex_lock(&u->keep->lock);
	keep_grow(u->keep);
	enum mm_err e = keep_tell_harm(u->keep, &event, &why);
	pthread_mutex_unlock(&u->keep->lock);
	if (e != MM_OK)
		say(u, event, e, why.text);
}

static void round_of(struct uses *u)
{
	show(u);
	int64_t now = clock_ms();
	if (now >= u->next_tell)
		tell(u, false);
	if (now >= u->next_save)
		save(u);
	say_full(u);
	if (now >= u->next_prune)
		prune_seen(u);
}

/* False: it is time to end. */
static bool sleep_ms(struct uses *u, int64_t ms)
{
	struct timespec until = clock_in_ms(ms);
	pthread_mutex_lock(&u->lock);
	if (!u->stopping)
		pthread_cond_timedwait(&u->changed, &u->lock, &until);
	bool go_on = !u->stopping;
	pthread_mutex_unlock(&u->lock);
	return go_on;
}

static void *telling(void *arg)
{
	struct uses *u = arg;
	do
		round_of(u);
	while (sleep_ms(u, tick_ms(u)));
	if (u->tell_all && u->pause == 0)
		tell_all(u);
	save(u);
	return NULL;
}

/* ---- life ---- */

static bool start_threads(struct uses *u)
{
	u->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (u->stop_fd < 0 ||
	    pthread_create(&u->hearing, NULL, hearing, u) != 0)
		return false;
	if (pthread_create(&u->telling, NULL, telling, u) == 0)
		return true;
	eventfd_write(u->stop_fd, 1);
	pthread_join(u->hearing, NULL);
	return false;
}

enum mm_err uses_start(struct uses *u, struct keeper *k,
		       const struct follower_options *opt, struct why *why)
{
	*u = (struct uses){ .keep = k, .opt = opt, .sock = -1, .stop_fd = -1 };
	pthread_mutex_init(&u->lock, NULL);
	clock_cond_init(&u->changed);

	TRY(link_init(&u->link, &opt->issuer));
	TRY(bind_socket(u, k->path, why));
	u->running = start_threads(u);
	return u->running ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start a thread");
}

/* Hearing ends first, so that the last uses are told or saved too. */
static void stop_threads(struct uses *u, bool tell_all)
{
	eventfd_write(u->stop_fd, 1);
	pthread_join(u->hearing, NULL);
	hear(u);
	pthread_mutex_lock(&u->lock);
	u->stopping = true;
	u->tell_all = tell_all;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	if (!tell_all)
		fetch_cancel(u->link.fetch);
	pthread_join(u->telling, NULL);
}

void uses_stop(struct uses *u, bool tell_all)
{
	if (u->keep == NULL)
		return; /* never started */
	if (u->running)
		stop_threads(u, tell_all);
	if (u->sock >= 0)
		close(u->sock);
	if (u->stop_fd >= 0)
		close(u->stop_fd);
	link_free(&u->link);
	pthread_cond_destroy(&u->changed);
	pthread_mutex_destroy(&u->lock);
}
