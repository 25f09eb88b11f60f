/* store_history.c - a new history: after a backup was put back, or when a
 * database that may lack something took over. */
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/store_internal.h"

enum mm_err epoch_new(char out[EPOCH_SIZE])
{
	uint8_t r[16];
	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return MM_ERR_UNAVAILABLE;
	for (size_t i = 0; i < sizeof r; i++)
		snprintf(out + 2 * i, 3, "%02x", r[i]);
	return MM_OK;
}

/* So many numbers of lists are passed over, and up to so many more. */
#define SKIP_LEAST 1000
#define SKIP_MORE  (1 << 22)

/* Two histories that go on from the same backup must not have lists with the
 * same numbers: a token that was revoked in one would be good in the other. One
 * does not know of the other, so it is by chance that they have not. */
static enum mm_err skip_lists(struct conn *c)
{
	uint32_t more;
	if (getrandom(&more, sizeof more, 0) != (ssize_t)sizeof more)
		return MM_ERR_UNAVAILABLE;
	AUTO_QUERY struct query q = query_new(c, ST_LIST_SKIP);
	query_int(&q, SKIP_LEAST + more % SKIP_MORE);
	return query_run(&q);
}

/* Later than what was seen here, too: the history that a standby lacks may have
 * begun by a clock that was ahead. */
static int64_t began_by(struct conn *c, const struct beginning *b)
{
	struct newest was;
	furthest_get(c, &was);
	int64_t after = b->after > was.began ? b->after : was.began;
	return b->stamp.at > after ? b->stamp.at : after + 1;
}

enum mm_err history_begin(struct conn *c, void *arg)
{
	const struct beginning *b = arg;
	int64_t began = began_by(c, b);
	char epoch[EPOCH_SIZE];
	if (c->db->take_time != NULL)
		TRY(c->db->take_time(c));
	TRY(epoch_new(epoch));
	AUTO_QUERY struct query q = query_new(c, ST_META_EPOCH);
	query_text(&q, epoch);
	query_int(&q, began);
	TRY(query_run(&q));
	c->tail.has_line = false; /* it says of which epoch it is */
	TRY(query_plain(c, ST_LIST_DROP));
	TRY(query_plain(c, ST_LIST_CUT));
	TRY(query_plain(c, ST_LIST_FILL));
	TRY(skip_lists(c));
	return audit_append(c,
			    &(struct audit_entry){ .event = "store.restore" },
			    &b->stamp);
}

static enum mm_err begin_after_loss(struct conn *c)
{
	struct beginning b = { { .by = "failover", .at = clock_now() }, 0 };
	log_event(LOG_ERR, "store.history_lost",
		  "detail=another database took over, and may lack what was "
		  "acknowledged last: a new history begins; tokens that it "
		  "does not know are refused");
	return history_begin(c, &b);
}

enum mm_err store_begin(struct conn *c)
{
	c->tail = (struct tail){ .has_seq = false };
	enum mm_err e = c->db->begin(c);
	return e == MM_ERR_EPOCH ? begin_after_loss(c) : e;
}
