/* reader.c - pin the current mapping without a lock; replace it when needed.
 *
 * A mapping that was replaced is retired (epoch.h): it waits in `retired`
 * for its last reader to leave, and is unmapped then. */
#include "verifier/reader.h"

#include "common/clock.h"

#define LOOK_MS	      1	   /* superseded: the new file is due any moment */
#define LOOK_QUIET_MS 1000 /* stale or quiet: probably there is none */

/* ---- replacing ---- */

/* Unmap what nobody looks at any more.  With `remapping` held. */
static void sweep(struct reader *r)
{
	for (struct state_map **at = &r->retired; *at != NULL;) {
		struct state_map *m = *at;
		if (!epoch_over(&r->epoch, m->retired)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		state_map_close(m);
	}
	atomic_store(&r->retiring, r->retired != NULL);
}

/* ---- keys ---- */

/* By all of the row, not by its kid alone. */
static bool same_key(const struct state_map *a, size_t i,
		     const struct state_map *b, size_t j)
{
	return memcmp(state_keys(a->head) + i, state_keys(b->head) + j,
		      sizeof(struct state_key)) == 0;
}

/* A key that stands in the last state, too, keeps its number; any other gets
 * one that no key has had before, also when it comes back.  So what the
 * cache knows of a key that is gone stays unknown. */
static void number_keys(struct reader *r, struct state_map *m,
			const struct state_map *last)
{
	for (size_t i = 0; i < m->keys.count; i++) {
		m->key_number[i] = 0;
		for (size_t j = 0; last && j < last->keys.count; j++)
			if (same_key(m, i, last, j))
				m->key_number[i] = last->key_number[j];
		if (m->key_number[i] == 0)
			m->key_number[i] = ++r->key_numbers;
	}
}

/* Open the path again, and take what is there if it is another file and not
 * superseded itself.  With `remapping` held. */
static void replace(struct reader *r)
{
	struct state_map *old = atomic_load(&r->current);
	AUTO_MAP struct state_map *m = NULL;
	if (state_map_open(r->path, &m, NULL) != MM_OK)
		return; /* go on with what we have */
	if (state_superseded(m) || (m->dev == old->dev && m->ino == old->ino))
		return;
	number_keys(r, m, old);
	atomic_store(&r->current, m);
	m = NULL;
	old->retired = epoch_retire(&r->epoch);
	old->next = r->retired;
	r->retired = old;
}

/* Whoever gets the lock does the work, the others go on as they are.
 * `next`: when the path may be looked at, or NULL: no need. */
static void refresh(struct reader *r, _Atomic int64_t *next, int64_t pause)
{
	int64_t now = clock_ms();
	if (next != NULL && now < atomic_load(next))
		next = NULL;
	if (next == NULL && !atomic_load(&r->retiring))
		return;
	if (pthread_mutex_trylock(&r->remapping) != 0)
		return;
	if (next != NULL) {
		replace(r);
		atomic_store(next, now + pause);
	}
	sweep(r);
	pthread_mutex_unlock(&r->remapping);
}

/* ---- pinning ---- */

/* Outside meanwhile, or the sweep would wait for us. */
struct pin reader_repin(struct reader *r, struct pin p)
{
	bool look = state_superseded(p.map);
	reader_unpin(&p);
	refresh(r, look ? &r->next_look : NULL, LOOK_MS);
	return reader_pin_current(r);
}

void reader_look_again(struct reader *r, struct pin *p)
{
	reader_unpin(p);
	refresh(r, &r->next_quiet_look, LOOK_QUIET_MS);
	*p = reader_pin_current(r);
}

/* ---- opening ---- */

enum mm_err reader_open(struct reader *r, const char *path, struct why *why)
{
	struct state_map *m;
	if (!span_copy(r->path, sizeof r->path, span_str(path)))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "the state file's path is too long");
	/* A superseded file is good until its successor is found. */
	TRY(state_map_open(path, &m, why));
	pthread_mutex_init(&r->remapping, NULL);
	epoch_init(&r->epoch);
	number_keys(r, m, NULL);
	atomic_store(&r->current, m);
	return MM_OK;
}

void reader_close(struct reader *r)
{
	struct state_map *m = atomic_load(&r->current);
	if (m == NULL)
		return;
	sweep(r);
	MM_ASSERT(r->retired == NULL); /* somebody is still inside */
	state_map_close(m);
	pthread_mutex_destroy(&r->remapping);
}
