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
	rq->suspended = false;
	MHD_resume_connection(rq->connection);
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
		http_problem(rq, MM_ERR_UNAVAILABLE, &rq->why);
	resume(rq);
}

/* ---- the queue ---- */

static bool push(struct http_work *w, struct http_request *rq)
{
	pthread_mutex_lock(&w->lock);
	bool room = w->count < QUEUE_MAX && w->started != 0;
	if (room) {
		w->queue[(w->first + w->count++) % QUEUE_MAX] = rq;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return room;
}

/* The next request, or NULL when the server stops.  The caller is busy
 * until it calls again. */
static struct http_request *pull(struct http_work *w)
{
	struct http_request *rq = NULL;
	while (w->count == 0 && !w->stop)
		pthread_cond_wait(&w->more, &w->lock);
	if (w->count != 0) {
		rq = w->queue[w->first];
		w->first = (w->first + 1) % QUEUE_MAX;
		w->count--;
	}
	return rq;
}

static void *work(void *arg)
{
	struct http_work *w = arg;
	struct http_request *rq;
	pthread_mutex_lock(&w->lock);
	while ((rq = pull(w)) != NULL) {
		w->busy++;
		pthread_mutex_unlock(&w->lock);
		if (http_run(rq))
			resume(rq);
		pthread_mutex_lock(&w->lock);
		if (--w->busy == 0 && w->count == 0)
			pthread_cond_broadcast(&w->idle);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

void work_give(struct http_request *rq)
{
	suspend(rq);
	if (push(&rq->server->work, rq))
		return;
	http_set(rq, "Retry-After", "1");
	why_say(&rq->why, MM_ERR_BUSY, NULL,
		"too many requests are waiting: try again in a second");
	http_problem(rq, MM_ERR_BUSY, &rq->why);
	resume(rq);
}

/* ---- start and stop ---- */

void work_drain(struct http_server *s)
{
	struct http_work *w = &s->work;
	pthread_mutex_lock(&w->lock);
	while (w->count != 0 || w->busy != 0)
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

enum mm_err work_start(struct http_server *s)
{
	struct http_work *w = &s->work;
	size_t wanted = s->opt.workers;
	pthread_attr_t attr;

	if (wanted > WORKERS_MAX)
		wanted = WORKERS_MAX;
	if (pthread_attr_init(&attr) != 0)
		return MM_ERR_NOMEM;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (w->started < wanted &&
	       pthread_create(&w->threads[w->started], &attr, work, w) == 0)
		w->started++;
	pthread_attr_destroy(&attr);
	return w->started == wanted ? MM_OK : MM_ERR_NOMEM;
}

void work_stop(struct http_server *s)
{
	struct http_work *w = &s->work;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->started; i++)
		pthread_join(w->threads[i], NULL);
	w->started = 0;
}
