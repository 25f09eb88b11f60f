/* store_furthest.c - how far the store was seen to have come: the last line of
 * its audit.  A store that has not that line, or another with its number, went
 * back under us, and would give the ids of the tokens that it has lost a second
 * time.  (The log of events does not tell: a mint is none.)
 */
#include "issuer/store_events.h"

#include "issuer/store_internal.h"

void furthest_get(struct conn *c, struct newest *out)
{
	*out = (struct newest){ .seq = 0 };
	if (c->furthest == NULL)
		return;
	pthread_mutex_lock(&c->furthest->lock);
	*out = c->furthest->at;
	pthread_mutex_unlock(&c->furthest->lock);
}

static bool is_further(const struct newest *at, const struct newest *than)
{
	return strcmp(at->epoch, than->epoch) == 0
		       ? at->audit.seq > than->audit.seq
		       : than->epoch[0] == '\0' || at->began > than->began;
}

void furthest_note(struct conn *c, const struct newest *at)
{
	if (c->furthest == NULL || at->epoch[0] == '\0')
		return;
	pthread_mutex_lock(&c->furthest->lock);
	if (is_further(at, &c->furthest->at))
		c->furthest->at = *at;
	pthread_mutex_unlock(&c->furthest->lock);
}

enum mm_err furthest_check(struct conn *c, const struct newest *was,
			   const struct newest *is)
{
	if (strcmp(is->epoch, was->epoch) != 0)
		return is_further(is, was) ? MM_OK : MM_ERR_ROLLBACK;
	if (is->audit.seq != was->audit.seq)
		return audit_has(c, &was->audit);
	return strcmp(is->audit.digest, was->audit.digest) == 0
		       ? MM_OK
		       : MM_ERR_ROLLBACK;
}

enum mm_err store_has_line(struct store *s, const struct audit_chain *line)
{
	AUTO_READER struct conn *c = store_reader(s);
	return line->seq == 0 ? MM_OK : audit_has(c, line);
}

enum mm_err store_look(struct store *s, struct newest *out)
{
	struct newest was;
	AUTO_READER struct conn *c = store_reader(s);
	furthest_get(c, &was); /* first: it may move as we read */
	TRY(log_newest(c, out));
	TRY(furthest_check(c, &was, out));
	furthest_note(c, out);
	return MM_OK;
}
