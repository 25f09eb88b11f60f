/* keep_show.c - make the state file say what is held: whole, where a change in
 * place will not do. */
#include <stdlib.h>

#include "common/clock.h"
#include "verifier/keep.h"

#define AGAIN_MS 1000 /* between two files for the sake of uses */

/* ---- the uses seen here ---- */

/* How many tokens of each list, in the replica's order, have one. */
struct rooms {
	const struct replica *r;
	uint32_t *of;
};
static void rooms_free(struct rooms *rooms)
{
	free(rooms->of);
}
#define AUTO_ROOMS __attribute__((cleanup(rooms_free)))

static void ask_room(void *ctx, const struct use_entry *e)
{
	const struct rooms *rooms = ctx;
	const struct list *l = replica_list(rooms->r, e->list);
	if (l == NULL || e->idx >= l->size)
		return;
	uint32_t *of = &rooms->of[l - rooms->r->lists];
	if (*of <= e->idx)
		*of = e->idx + 1;
}

/* On top of the issuer's values.  The token's list may be gone meanwhile: then
 * so is the token. */
static void lay_over(void *ctx, const struct use_entry *e)
{
	struct state_writer *w = ctx;
	(void)!state_raise_use(w, e->list, e->idx, e->latest);
}

static void fill(struct keeper *k, struct state_writer *w)
{
	use_table_each(&k->uses, lay_over, w);
	state_put_head(w, k->replica.seq, keep_fresh_at(k));
}

/* ---- a new file ---- */

/* There is no room for one: what an earlier agent left at the path will do, as
 * long as neither keys nor lists change. */
static enum mm_err take_up(struct keeper *k, struct state_writer *w,
			   const uint32_t *room)
{
	if (k->live.head != NULL || state_take_up(w, k->path, &k->replica, room,
						  k->max_staleness) != MM_OK)
		return MM_ERR_FULL;
	fill(k, w);
	k->no_file = MM_ERR_FULL;
	k->wants_file = true;
	return MM_OK;
}

static enum mm_err make_file(struct keeper *k, struct state_writer *w,
			     struct why *why)
{
	AUTO_ROOMS struct rooms rooms = {
		&k->replica, calloc(k->replica.list_count + 1, sizeof(uint32_t))
	};
	if (rooms.of == NULL)
		return MM_ERR_NOMEM;
	use_table_each(&k->uses, ask_room, &rooms);
	enum mm_err e = state_create(w, k->path, &k->replica, rooms.of,
				     k->max_staleness, why);
	if (e == MM_ERR_FULL)
		return take_up(k, w, rooms.of);
	TRY(e);
	fill(k, w);
	TRY(state_install(w, why));
	k->wants_file = false;
	return MM_OK;
}

/* Nothing may touch it before.  One that is gone is good for who has it mapped,
 * until there is another. */
static void mind_harm(struct keeper *k)
{
	enum state_harm harm = state_harm(&k->live);
	if (harm == STATE_WHOLE || (harm == STATE_GONE && k->gone))
		return;
	if (harm != STATE_GONE)
		state_writer_give_up(&k->live);
	k->gone = harm == STATE_GONE;
	k->harm = harm;
	k->wants_file = true;
	k->next_file_ms = 0;
}

enum mm_err keep_tell_harm(struct keeper *k, const char **event,
			   struct why *why)
{
	static const char *const word[] = { [STATE_CUT] = "state.cut",
					    [STATE_DAMAGED] = "state.damaged",
					    [STATE_GONE] = "state.gone" };
	enum state_harm harm = k->harm;
	bool made = k->live.head != NULL && !k->gone;
	k->harm = STATE_WHOLE;
	if (harm == STATE_WHOLE)
		return MM_OK;
	*event = word[harm];
	return why_say(
		why, harm == STATE_GONE ? MM_ERR_NOT_FOUND : MM_ERR_MALFORMED,
		NULL, "%s%s%s",
		made ? "made anew; " : "it cannot be made anew now; ",
		harm == STATE_GONE ? "somebody removed it, or put another there"
				   : "nobody but its agent may write to it",
		harm == STATE_GONE && keep_lost_lock(k)
			? "; and its .lock, so that its sockets may be gone, "
			  "too: a restart makes them"
			: "");
}

/* With the lock held.  What fails leaves the live file as it is. */
static enum mm_err renew(struct keeper *k)
{
	struct state_writer w = STATE_WRITER_NONE;
	mind_harm(k);
	k->no_file = MM_OK;
	k->why_none.text[0] = '\0';
	enum mm_err e = make_file(k, &w, &k->why_none);
	if (e != MM_OK) {
		state_writer_close(&w);
		k->no_file = e;
		return e;
	}
	state_writer_supersede(&k->live);
	state_writer_close(&k->live);
	k->live = w;
	k->gone = false;
	return MM_OK;
}

/* A state file that cannot be made true must not be believed: it goes stale
 * at once, ours or an earlier agent's, and every check says so. */
static void refuse_all(struct keeper *k, enum mm_err e)
{
	struct why why = k->why_none;
	if (k->live.head != NULL)
		state_put_head(&k->live, k->replica.seq, 0);
	else
		state_disown(k->path, NULL);
	(void)why_say(&k->why_none, e, NULL,
		      "%s; until then every token is refused",
		      why.text[0] ? why.text : mm_err_word(e));
}

enum mm_err keep_show(struct keeper *k, struct why *why)
{
	pthread_mutex_lock(&k->lock);
	enum mm_err e = renew(k);
	if (e != MM_OK)
		refuse_all(k, e);
	if (e != MM_OK && why != NULL)
		*why = k->why_none;
	k->must_show = e != MM_OK;
	pthread_mutex_unlock(&k->lock);
	return e;
}

int64_t keep_fresh_at(const struct keeper *k)
{
	int64_t silent = clock_ms() - k->fresh_ms;
	bool silenced = silent / 1000 > k->max_staleness;
	return silenced || k->doubt ? 0 : k->fresh_at;
}

/* Not from when a batch is taken to when it shows. */
bool keep_is_behind(const struct keeper *k)
{
	return k->no_file != MM_OK && (k->must_show || k->live.head == NULL);
}

/* No token is worse off for a use that does not show yet, so that the live
 * file stays fresh.  What the follower has not shown is the follower's to. */
void keep_grow(struct keeper *k)
{
	mind_harm(k);
	if (!k->wants_file || k->must_show || clock_ms() < k->next_file_ms)
		return;
	enum mm_err e = renew(k);
	if (e != MM_OK && k->live.head == NULL)
		refuse_all(k, e);
	k->next_file_ms = clock_ms() + AGAIN_MS;
}
