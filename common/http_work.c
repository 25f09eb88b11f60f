/* http_work.c - the worker threads, and requests that are held.
 *
 * A request that waits, for a worker or for news, is suspended: the library
 * forgets it until it is resumed, and stopping while one is suspended is an
 * abort().  So they are counted, and http_stop() waits for none.
 *
 * Resuming gives the request back to its polling thread, which may answer
 * and free it at once: nothing touches rq after that.
 */
#include "common/http_internal.h"

enum { STACK_BYTES = 512 * 1024 }; /* OpenSSL, SQLite and structs of 8 KiB */

/* ---- holding ---- */

static void suspend(struct http_request *rq)
{
	struct http_work *w = &rq->server->work;
	pthread_mutex_lock(&w->lock);
	w->held++;
	pthread_mutex_unlock(&w->lock);
	rq->suspended = true;
	MHD_suspend_connection(rq->connection);
}

static void resume(struct http_request *rq)
{
	struct http_work *w = &rq->server->work;
	struct http_poller *p = rq->conn->poller;
	rq->suspended = false;
	MHD_resume_connection(rq->connection);
	poll_wake(p);
	/* Counted down afterwards, so that the daemon outlives the call. */
	pthread_mutex_lock(&w->lock);
	if (--w->held == 0)
		pthread_cond_broadcast(&w->idle);
	pthread_mutex_unlock(&w->lock);
}

void http_hold(struct http_request *rq)
{
	MM_ASSERT(rq->held != NULL && !rq->replied);
	*rq->held = true;
	if (!rq->suspended)
		suspend(rq);
}

void http_release(struct http_request *rq)
{
	MM_ASSERT(rq->suspended);
	if (!rq->replied)
		http_problem(rq, MM_ERR_UNAVAILABLE, rq->why);
	resume(rq);
}

/* ---- the queues ---- */

static bool push(struct http_pool *p, struct http_request *rq)
{
	pthread_mutex_lock(&p->work->lock);
	bool room = p->count < p->max && p->started != 0;
	if (room) {
		rq->next = NULL;
		*p->last = rq;
		p->last = &rq->next;
		p->count++;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->work->lock);
	return room;
}

/* The next request, or NULL when the server stops. */
static struct http_request *pull(struct http_pool *p)
{
	while (p->count == 0 && !p->work->stop)
		pthread_cond_wait(&p->more, &p->work->lock);
	struct http_request *rq = p->first;
	if (rq == NULL)
		return NULL;
	p->first = rq->next;
	if (p->first == NULL)
		p->last = &p->first;
	p->count--;
	return rq;
}

static bool is_idle(const struct http_pool *p)
{
	return p->count == 0 && p->busy == 0;
}

static void *work(void *arg)
{
	struct http_pool *p = arg;
	struct http_request *rq;
	pthread_mutex_lock(&p->work->lock);
	while ((rq = pull(p)) != NULL) {
		p->busy++;
		pthread_mutex_unlock(&p->work->lock);
		if (http_run(rq))
			resume(rq);
		pthread_mutex_lock(&p->work->lock);
		p->busy--;
		if (is_idle(p))
			pthread_cond_broadcast(&p->work->idle);
	}
	pthread_mutex_unlock(&p->work->lock);
	return NULL;
}

static struct http_pool_load load_of(const struct http_pool *p)
{
	return (struct http_pool_load){ p->started, p->busy, p->count };
}

void http_load(struct http_server *s, struct http_load *out)
{
	pthread_mutex_lock(&s->work.lock);
	out->work = load_of(&s->work.ordinary);
	out->local = load_of(&s->work.local);
	out->crowd = load_of(&s->work.crowd);
	pthread_mutex_unlock(&s->work.lock);
}

/* Who is on this host is not kept waiting by all the others: a stolen key
 * has to go while somebody floods the mint. */
static struct http_pool *pool_for(const struct http_request *rq)
{
	struct http_work *w = &rq->server->work;
	if (rq->route->kind == HTTP_CROWD)
		return &w->crowd;
	return rq->conn->poller->local && w->local.started != 0 ? &w->local
								: &w->ordinary;
}

void work_give(struct http_request *rq)
{
	suspend(rq);
	if (push(pool_for(rq), rq))
		return;
	http_set(rq, "Retry-After", "1");
	why_say(http_why(rq), MM_ERR_BUSY, NULL,
		"too many requests are waiting: try again in a second");
	http_problem(rq, MM_ERR_BUSY, rq->why);
	resume(rq);
}

/* ---- start and stop ---- */

void work_drain(struct http_server *s)
{
	struct http_work *w = &s->work;
	pthread_mutex_lock(&w->lock);
	while (!is_idle(&w->ordinary) || !is_idle(&w->crowd) ||
	       !is_idle(&w->local))
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void work_wait_held(struct http_server *s)
{
	struct http_work *w = &s->work;
	pthread_mutex_lock(&w->lock);
	while (w->held != 0)
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void pool_init(struct http_pool *p, struct http_work *w, size_t max)
{
	p->work = w;
	p->last = &p->first;
	p->max = max;
	pthread_cond_init(&p->more, NULL);
}

/* A connection has one request at a time, so that the connections bound the
 * crowd, and the few of the Unix socket theirs. */
void work_init(struct http_work *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->idle, NULL);
	pool_init(&w->ordinary, w, QUEUE_MAX);
	pool_init(&w->crowd, w, SIZE_MAX);
	pool_init(&w->local, w, SIZE_MAX);
}

void work_destroy(struct http_work *w)
{
	pthread_cond_destroy(&w->local.more);
	pthread_cond_destroy(&w->crowd.more);
	pthread_cond_destroy(&w->ordinary.more);
	pthread_cond_destroy(&w->idle);
	pthread_mutex_destroy(&w->lock);
}

static enum mm_err pool_start(struct http_pool *p, size_t wanted)
{
	pthread_attr_t attr;
	if (wanted > WORKERS_MAX)
		wanted = WORKERS_MAX;
	if (pthread_attr_init(&attr) != 0)
		return MM_ERR_NOMEM;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (p->started < wanted &&
	       pthread_create(&p->threads[p->started], &attr, work, p) == 0)
		p->started++;
	pthread_attr_destroy(&attr);
	return p->started == wanted ? MM_OK : MM_ERR_NOMEM;
}

static bool has_crowd(const struct http_route *r)
{
	while (r->method != NULL && r->kind != HTTP_CROWD)
		r++;
	return r->method != NULL;
}

enum mm_err work_start(struct http_server *s)
{
	TRY(pool_start(&s->work.ordinary, s->opt.workers));
	if (s->local.fd >= 0 && s->tcp.fd >= 0)
		TRY(pool_start(&s->work.local, LOCAL_WORKERS));
	return has_crowd(s->opt.routes)
		       ? pool_start(&s->work.crowd, CROWD_WORKERS)
		       : MM_OK;
}

static void pool_join(struct http_pool *p)
{
	for (size_t i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	p->started = 0;
}

void work_stop(struct http_server *s)
{
	struct http_work *w = &s->work;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->ordinary.more);
	pthread_cond_broadcast(&w->crowd.more);
	pthread_cond_broadcast(&w->local.more);
	pthread_mutex_unlock(&w->lock);
	pool_join(&w->ordinary);
	pool_join(&w->crowd);
	pool_join(&w->local);
}
