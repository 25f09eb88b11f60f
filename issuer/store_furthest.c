/* store_furthest.c - how far the store was seen to have come: the last line of
 * its audit.  A store that has not that line, or another with its number, went
 * back under us, and would give the ids of the tokens that it has lost a second
 * time.  (The log of events does not tell: a mint is none.)
 */
#include "issuer/store_events.h"

#include "issuer/store_internal.h"

/* ---- the furthest ---- */

void furthest_get(struct conn *c, struct newest *out)
{
	*out = (struct newest){ .seq = 0 };
	if (c->furthest == NULL)
		return;
	pthread_mutex_lock(&c->furthest->lock);
	*out = c->furthest->at;
	pthread_mutex_unlock(&c->furthest->lock);
}

static bool is_further(const struct newest *end, const struct newest *than)
{
	return strcmp(end->epoch, than->epoch) == 0
		       ? end->audit.seq > than->audit.seq
		       : than->epoch[0] == '\0' || end->began > than->began;
}

void furthest_note(struct conn *c, const struct newest *end)
{
	if (c->furthest == NULL)
		return;
	pthread_mutex_lock(&c->furthest->lock);
	if (is_further(end, &c->furthest->at))
		c->furthest->at = *end;
	pthread_mutex_unlock(&c->furthest->lock);
}

/* ---- held against it ---- */

static enum mm_err digest_of(struct query *q, int column,
			     char digest[AUDIT_DIGEST_SIZE])
{
	char line[AUDIT_LINE_MAX];
	digest[0] = '\0';
	if (column_is_null(q, column))
		return MM_OK;
	column_text(q, column, line, sizeof line);
	return audit_digest(span_str(line), digest);
}

/* The end of the audit, and the digest of its line `at` ("": it has none), of
 * one state of the store. */
static enum mm_err read_end(struct conn *c, uint64_t at, struct newest *end,
			    char digest[AUDIT_DIGEST_SIZE])
{
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_END);
	query_int(&q, (int64_t)at);
	*end = (struct newest){ .seq = 0 };
	digest[0] = '\0';
	if (query_row(&q)) {
		column_text(&q, 0, end->epoch, sizeof end->epoch);
		end->began = column_int(&q, 1);
		end->audit.seq = (uint64_t)column_int(&q, 2);
		TRY(digest_of(&q, 3, end->audit.digest));
		TRY(digest_of(&q, 4, digest));
	}
	return query_end(&q);
}

enum mm_err furthest_look(struct conn *c, struct newest *is, bool *whole)
{
	struct newest was;
	char then[AUDIT_DIGEST_SIZE];
	furthest_get(c, &was); /* first: it may move as we read */
	TRY(read_end(c, was.audit.seq, is, then));
	*whole = strcmp(is->epoch, was.epoch) == 0
			 ? strcmp(then, was.audit.digest) == 0
			 : is_further(is, &was);
	return MM_OK;
}

enum mm_err store_has_line(struct store *s, const struct audit_chain *line)
{
	struct newest end;
	char digest[AUDIT_DIGEST_SIZE];
	AUTO_READER struct conn *c = store_reader(s);
	TRY(read_end(c, line->seq, &end, digest));
	return strcmp(digest, line->digest) == 0 ? MM_OK : MM_ERR_ROLLBACK;
}

static enum mm_err look(struct conn *c, struct newest *end)
{
	bool whole;
	TRY(furthest_look(c, end, &whole));
	if (whole)
		furthest_note(c, end);
	else
		furthest_get(c, end);
	return whole ? MM_OK : MM_ERR_ROLLBACK;
}

enum mm_err store_look(struct store *s, struct newest *end)
{
	AUTO_READER struct conn *c = store_reader(s);
	TRY(c->db->begin(c)); /* not in a state of before */
	enum mm_err e = look(c, end), done = c->db->commit(c);
	return e != MM_OK ? e : done;
}
