/* late.c - open, when there is something to be opened. */
#include "verifier/agent/late.h"

#include "common/clock.h"

#define RETRY_MS 100

void late_init(struct late *l, const char *state, const struct mm_options *opt)
{
	l->state = state;
	l->opt = *opt;
	l->next_try = 0;
	pthread_mutex_init(&l->opening, NULL);
	atomic_init(&l->verifier, NULL);
}

static struct mm_verifier *try_open(struct late *l)
{
	struct mm_verifier *v = NULL;
	if (pthread_mutex_trylock(&l->opening) != 0)
		return NULL;
	if (atomic_load(&l->verifier) == NULL && clock_ms() >= l->next_try) {
		l->next_try = clock_ms() + RETRY_MS;
		if (verifier_open_state(&l->opt, l->state, &v, NULL) == MM_OK)
			atomic_store(&l->verifier, v);
	}
	pthread_mutex_unlock(&l->opening);
	return atomic_load(&l->verifier);
}

struct mm_verifier *late_get(struct late *l)
{
	struct mm_verifier *v = atomic_load(&l->verifier);
	return v != NULL ? v : try_open(l);
}

void late_end(struct late *l)
{
	verifier_close(atomic_load(&l->verifier));
	pthread_mutex_destroy(&l->opening);
}
