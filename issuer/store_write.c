/* store_write.c - the group commit.
 *
 * Changes of many callers go into one transaction: each caller leaves a job
 * and sleeps; the writer thread takes all jobs that wait, runs each as a part
 * of its own, commits once, and wakes them.  So a refused change does not undo
 * its neighbours, and nobody is answered before it is durable.
 */
#include "common/clock.h"
#include "issuer/store_internal.h"
#include "issuer/trouble.h"

#define APART_MS 30000

/* Only what breaks the whole transaction is returned; what the job itself
 * came to is its own. */
static enum mm_err run_job(struct conn *c, struct job *j)
{
	struct tail was = c->tail;
	TRY(c->db->part_begin(c));
	j->result = j->run(c, j->arg);
	if (j->result == MM_OK)
		j->result = log_settle(c);
	if (j->result != MM_OK)
		c->tail = was;
	return c->db->part_end(c, j->result);
}

/* With `together`, all behind `first` as well; else only that. */
static enum mm_err run_once(struct conn *c, struct job *first, bool together)
{
	TRY(store_begin(c));
	for (struct job *j = first; j != NULL; j = together ? j->next : NULL)
		TRY(run_job(c, j));
	TRY(c->db->commit(c));
	if (c->tail.has_line && c->tail.is_whole)
		furthest_note(c, &c->tail.end);
	return MM_OK;
}

/* While the database is away each change is tried again for 5 s. */
static struct trouble commits =
	TROUBLE("store.commit_failed", "store.commit_good");

static enum again run_again(struct conn *c, struct job *first, bool together,
			    enum mm_err *e)
{
	enum again again = AGAIN_SAME;
	while (again == AGAIN_SAME) {
		*e = run_once(c, first, together);
		trouble_note(&commits, *e, c->db->trouble(c), clock_ms());
		if (*e == MM_OK)
			return AGAIN_NEVER;
		c->db->rollback(c);
		again = c->db->again ? c->db->again(c, together) : AGAIN_NEVER;
	}
	return again;
}

/* Apart, all may fail, of a database that takes its time for each: nobody waits
 * for that longer than so. */
static void run_batch(struct store *s, struct job *jobs)
{
	struct conn *c = s->writer;
	enum mm_err e;
	bool together = jobs->next != NULL;
	bool apart = run_again(c, jobs, together, &e) == AGAIN_APART;
	int64_t until = clock_ms() + APART_MS;
	for (struct job *j = jobs; j != NULL; j = j->next) {
		if (apart && e != MM_OK && clock_ms() >= until)
			e = MM_ERR_BUSY; /* it was not tried */
		else if (apart)
			(void)!run_again(c, j, false, &e);
		if (e != MM_OK)
			j->result = e;
	}
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->first == NULL && !s->stopping)
			pthread_cond_wait(&s->queued, &s->lock);
		if (s->first == NULL)
			break;
		struct job *jobs = s->first;
		s->first = NULL;
		s->last = &s->first;
		pthread_mutex_unlock(&s->lock);

		run_batch(s, jobs);

		pthread_mutex_lock(&s->lock);
		for (struct job *j = jobs, *next; j != NULL; j = next) {
			next = j->next; /* a finished job is its caller's */
			j->done = true;
		}
		pthread_cond_broadcast(&s->finished);
		s->wake(s->wake_ctx);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

enum mm_err store_write(struct store *s,
			enum mm_err (*run)(struct conn *, void *), void *arg)
{
	struct job job = { .run = run, .arg = arg };
	pthread_mutex_lock(&s->lock);
	*s->last = &job;
	s->last = &job.next;
	pthread_cond_signal(&s->queued);
	while (!job.done)
		pthread_cond_wait(&s->finished, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return job.result;
}

enum mm_err writer_start(struct store *s, struct why *why)
{
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->queued, NULL);
	pthread_cond_init(&s->finished, NULL);
	s->running = pthread_create(&s->thread, NULL, writer_main, s) == 0;
	return s->running ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start the store's thread");
}

void writer_stop(struct store *s)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->queued);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
}
