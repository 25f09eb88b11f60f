/* store_reader.c - connections that read, one user at a time each. */
#include "issuer/store_internal.h"

static struct conn *take_reader(struct store *s)
{
	for (int i = 0; i < STORE_READERS; i++)
		if (pthread_mutex_trylock(&s->reader[i]->lock) == 0)
			return s->reader[i];
	unsigned turn = atomic_fetch_add(&s->reader_turn, 1);
	struct conn *c = s->reader[turn % STORE_READERS];
	pthread_mutex_lock(&c->lock); /* all busy: queue, evenly */
	return c;
}

struct conn *store_reader(struct store *s)
{
	struct conn *c = take_reader(s);
	c->db->make_ready(c);
	return c;
}

void store_reader_done(struct conn **c)
{
	pthread_mutex_unlock(&(*c)->lock);
}
