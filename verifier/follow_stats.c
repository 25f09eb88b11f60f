/* follow_stats.c - what a follower shows of itself while its thread runs. */
#include <sys/stat.h>

#include "verifier/follow_internal.h"

enum mm_err follower_jwks(struct follower *f, struct buf *out)
{
	pthread_mutex_lock(&f->keep.lock);
	enum mm_err e = f->keep.holds
				? jwk_set_to_json(&f->keep.replica.keys, out)
				: MM_ERR_UNAVAILABLE;
	pthread_mutex_unlock(&f->keep.lock);
	return e;
}

bool follower_is_refused(struct follower *f)
{
	pthread_mutex_lock(&f->lock);
	bool refused = f->refused;
	pthread_mutex_unlock(&f->lock);
	return refused;
}

void follower_stats(struct follower *f, struct follower_stats *out)
{
	struct keeper *k = &f->keep;
	struct stat st = { .st_size = 0 };
	pthread_mutex_lock(&f->lock);
	out->connected = f->connected;
	out->connects = f->connects;
	out->failures = f->failed;
	pthread_mutex_unlock(&f->lock);

	pthread_mutex_lock(&k->lock);
	out->holds = k->holds;
	out->seq = k->replica.seq;
	out->fresh_at = k->fresh_at;
	out->silent = keep_fresh_at(k) == 0;
	out->behind = keep_is_behind(k);
	if (k->live.fd >= 0)
		(void)fstat(k->live.fd, &st);
	out->uses_waiting = k->uses.times;
	out->uses_refused = k->uses.refused;
	out->uses_full = use_table_full(&k->uses);
	out->uses_told = f->uses.told;
	pthread_mutex_unlock(&k->lock);
	out->state_bytes = (uint64_t)st.st_size;
}
