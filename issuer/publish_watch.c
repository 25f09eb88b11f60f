/* publish_watch.c - an issuer that hears nothing from the database that it
 * shares holds nobody: another one may hear, and its revocations are
 * acknowledged.
 *
 * A thread of its own, for the one that follows the log may be waiting for the
 * database just then, and that takes its time where bytes are lost on the way.
 */
#include "common/clock.h"
#include "issuer/publish_internal.h"

/* Who is let go is refused, unless the log is followed again by then. */
static void *watching(void *publisher)
{
	struct publisher *p = publisher;
	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		struct timespec until = clock_in_ms(LOOK_MS);
		pthread_cond_timedwait(&p->ending, &p->lock, &until);
		if (p->polls.first == NULL || !publish_is_deaf(p))
			continue;
		pthread_mutex_unlock(&p->lock);
		publish_answer(p, false);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

enum mm_err publish_watch(struct publisher *p, struct why *why)
{
	if (!store_is_shared(p->store))
		return MM_OK;
	p->watched = pthread_create(&p->watch, NULL, watching, p) == 0;
	return p->watched ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start the thread that watches the "
				    "publisher");
}

void publish_unwatch(struct publisher *p)
{
	if (!p->watched)
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_signal(&p->ending);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->watch, NULL);
	p->watched = false;
}
