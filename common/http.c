/* http.c - the server: made, quiesced, stopped.
 *
 * All polling threads, of both listeners, share the workers, the reaper and
 * the gate.  Every thread is started with all signals
 * blocked: they are the program's.
 */
#include "common/http_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

enum { FILES_RESERVE = 128 }; /* descriptors that are not connections */

/* At the end of descriptors the library spins; so there are fewer
 * connections than descriptors. */
static unsigned connections_possible(unsigned wanted)
{
	struct rlimit l;
	rlim_t need = (rlim_t)wanted + FILES_RESERVE;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= need)
		return wanted;
	l.rlim_cur = need < l.rlim_max ? need : l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur >= need)
		return wanted;
	unsigned possible = l.rlim_cur > 2 * FILES_RESERVE
				    ? (unsigned)l.rlim_cur - FILES_RESERVE
				    : (unsigned)l.rlim_cur / 2;
	log_event(LOG_WARNING, "http.connections",
		  "wanted=%u possible=%u hint=raise the limit of open files",
		  wanted, possible);
	return possible;
}

static enum mm_err start_threads(struct http_server *s, struct why *why)
{
	unsigned wanted = s->opt.connections;
	unsigned all = connections_possible(wanted ? wanted : CONNECTIONS_MAX);
	unsigned local = s->local.fd < 0	       ? 0
			 : s->tcp.fd < 0	       ? all
			 : all > 2 * LOCAL_CONNECTIONS ? LOCAL_CONNECTIONS
						       : all / 2;
	enum mm_err e = work_start(s);
	if (e == MM_OK)
		e = reaper_start(s);
	if (e != MM_OK)
		return why_say(why, e, NULL, "cannot start threads");
	if (s->local.fd >= 0)
		TRY(poll_start(s, &s->local, 1, local, why));
	if (s->tcp.fd >= 0)
		TRY(poll_start(s, &s->tcp, s->opt.pollers, all - local, why));
	return MM_OK;
}

static enum mm_err start(struct http_server *s, struct why *why)
{
	sigset_t every, before;
	if (stats_init(s) != MM_OK)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	if (s->opt.host != NULL)
		TRY(http_listen_tcp(s, why));
	if (s->opt.socket_path != NULL)
		TRY(http_listen_local(s, why));
	if (getrandom(&s->id_prefix, sizeof s->id_prefix, 0) < 0)
		return why_say(why, MM_ERR_IO, NULL, "no random numbers: %s",
			       strerror(errno));
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	enum mm_err e = start_threads(s, why);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e;
}

static struct http_server *server_new(const struct http_options *opt)
{
	struct http_server *s = calloc(1, sizeof *s);
	pthread_condattr_t rising;
	if (s == NULL)
		return NULL;
	s->opt = *opt;
	if (s->opt.head_max == 0)
		s->opt.head_max = HEAD_BYTES;
	if (s->opt.reply_max == 0)
		s->opt.reply_max = REPLY_BYTES;
	s->tcp.fd = s->local.fd = -1;
	s->reaper.conns.next = s->reaper.conns.prev = &s->reaper.conns;
	pthread_condattr_init(&rising);
	pthread_condattr_setclock(&rising, CLOCK_MONOTONIC);
	pthread_cond_init(&s->reaper.wake, &rising);
	pthread_condattr_destroy(&rising);
	pthread_mutex_init(&s->reaper.lock, NULL);
	work_init(&s->work);
	pthread_rwlock_init(&s->gate, NULL);
	return s;
}

enum mm_err http_start(const struct http_options *opt, struct http_server **out,
		       struct why *why)
{
	struct http_server *s = server_new(opt);
	*out = NULL;
	if (s == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	enum mm_err e = start(s, why);
	if (e != MM_OK) {
		http_stop(s);
		return e;
	}
	*out = s;
	return MM_OK;
}

uint16_t http_port(const struct http_server *s)
{
	return s->port;
}

/* ---- the end ---- */

void http_quiesce(struct http_server *s)
{
	pthread_rwlock_wrlock(&s->gate);
	bool was_closed = atomic_exchange(&s->closed, true);
	pthread_rwlock_unlock(&s->gate);
	if (!was_closed) {
		if (s->socket_path[0] != '\0')
			unlink(s->socket_path);
		poll_refuse(&s->tcp);
		poll_refuse(&s->local);
	}
	work_drain(s);
}

/* Replies that are given but not yet sent: slow readers are not waited for
 * longer than this. */
static void let_replies_out(struct http_server *s)
{
	const struct timespec tick = { .tv_nsec = 10 * 1000000 };
	for (int i = 0; i < 200 && atomic_load(&s->open) != 0; i++)
		nanosleep(&tick, NULL);
}

void http_stop(struct http_server *s)
{
	if (s == NULL)
		return;
	http_quiesce(s);
	work_wait_held(s);
	let_replies_out(s);
	poll_stop(&s->tcp);
	poll_stop(&s->local);
	reaper_stop(s);
	work_stop(s);
	pthread_rwlock_destroy(&s->gate);
	work_destroy(&s->work);
	pthread_cond_destroy(&s->reaper.wake);
	pthread_mutex_destroy(&s->reaper.lock);
	free(s->stats);
	free(s);
}
