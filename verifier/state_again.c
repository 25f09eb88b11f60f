/* state_again.c - take up the file that is at the path already.
 *
 * Where there is no room for a new one, a restart would leave the host with a
 * file that nobody keeps true.  What it says is not believed (its pages may
 * have reached the disk in any order), but where that refuses a token: its
 * layout is of use, and its values are the replica's before it is called fresh
 * again. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verifier/state_make.h"

/* Has it the same lists, and room for what they hold? */
static bool lists_fit(const struct state_header *has,
		      const struct state_header *want, const struct replica *r,
		      const uint32_t *room)
{
	const struct state_list *a = state_lists(has), *b = state_lists(want);
	if (has->list_count != want->list_count)
		return false;
	for (size_t i = 0; i < r->list_count; i++)
		if (a[i].list != b[i].list || a[i].kind != b[i].kind ||
		    a[i].size != b[i].size || a[i].expires != b[i].expires ||
		    a[i].held < state_needed(&r->lists[i], room ? room[i] : 0))
			return false;
	return true;
}

/* All of the head, but for where the arrays are and how long. */
static bool head_fits(const struct state_header *has,
		      const struct state_header *want)
{
	return has->max_staleness == want->max_staleness &&
	       has->key_count == want->key_count &&
	       strcmp(has->iss, want->iss) == 0 &&
	       strcmp(has->epoch, want->epoch) == 0 &&
	       memcmp(state_keys(has), state_keys(want),
		      want->key_count * sizeof(struct state_key)) == 0;
}

static bool fits(const struct state_map *m, const struct replica *r,
		 const uint32_t *room, int64_t max_staleness)
{
	AUTO_HEAD struct state_header *want = NULL;
	return !state_superseded(m) &&
	       state_make_head(r, room, max_staleness, &want) == MM_OK &&
	       head_fits(m->head, want) && lists_fit(m->head, want, r, room);
}

/* The file that was looked at, to be written to. */
static bool map_to_write(struct state_writer *w, const struct state_map *m)
{
	struct stat st;
	w->fd = open(w->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (w->fd < 0 || fstat(w->fd, &st) != 0 || st.st_dev != m->dev ||
	    st.st_ino != m->ino || !state_allocate(w->fd, m->size))
		return false;
	void *at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			w->fd, 0);
	if (at == MAP_FAILED)
		return false;
	w->head = at;
	w->size = m->size;
	memcpy(w->made, m->head, sizeof w->made);
	return true;
}

/* What the journal had no room for either may stand in the file alone, which is
 * ahead of the replica then: nobody is let in again by a restart.  The events
 * come again from the issuer, and with them what is true. */
static bool knows_better(bool ahead, unsigned has, unsigned want)
{
	return ahead && (want == STATUS_VALID || has == STATUS_REVOKED);
}

/* Uses only go forward: each that stands there was one, and may be newer than
 * what was saved of it. */
static enum mm_err write_list(struct state_writer *w, const struct list *l,
			      bool ahead)
{
	const struct state_list *row = state_find(w->head, l->list);
	for (uint32_t i = 0; i < row->held; i++) {
		unsigned want = status_get(l->status, i);
		if (!knows_better(ahead, state_status(w->head, row, i), want))
			TRY(state_put_status(w, l->list, i, want));
		if (l->last_use != NULL)
			TRY(state_raise_use(w, l->list, i, l->last_use[i]));
	}
	return MM_OK;
}

static enum mm_err take_up(struct state_writer *w, const struct replica *r,
			   const uint32_t *room, int64_t max_staleness)
{
	AUTO_MAP struct state_map *m = NULL;
	if (state_map_open(w->path, &m, NULL) != MM_OK ||
	    !fits(m, r, room, max_staleness) || !map_to_write(w, m))
		return MM_ERR_NOT_FOUND;
	bool ahead = atomic_load(&w->head->seq) > r->seq;
	for (size_t i = 0; i < r->list_count; i++)
		TRY(write_list(w, &r->lists[i], ahead));
	return MM_OK;
}

enum mm_err state_take_up(struct state_writer *w, const char *path,
			  const struct replica *r, const uint32_t *room,
			  int64_t max_staleness)
{
	*w = STATE_WRITER_NONE;
	if (!span_copy(w->path, sizeof w->path, span_str(path)))
		return MM_ERR_INVALID;
	enum mm_err e = take_up(w, r, room, max_staleness);
	if (e != MM_OK)
		state_writer_close(w);
	return e;
}
