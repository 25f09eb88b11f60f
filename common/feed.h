/* feed.h - the feed's two signed objects, written and read side by side.
 *
 * A batch (typ mintmark-feed+jwt) is a run of events with consecutive
 * numbers, or none: a heartbeat.  A snapshot (typ mintmark-snapshot+jwt) is
 * a whole replica.  PROTOCOL.md section 5 has the bytes.
 */
#ifndef MM_COMMON_FEED_H
#define MM_COMMON_FEED_H

#include "common/jws.h"
#include "common/replica.h"

#define FEED_EVENTS_MAX 1000	     /* events a batch */
#define FEED_BATCH_MAX	(2u << 20)   /* bytes of a signed batch */
#define SNAPSHOT_MAX	(256u << 20) /* bytes of a signed snapshot */

/* One event as JSON, as it stands in batches and in the store's log. */
MM_MUST_USE enum mm_err event_write(const struct event *e, struct buf *out);
MM_MUST_USE enum mm_err event_read(struct span json, struct event *out);

struct feed_head {
	char iss[ISS_SIZE];
	char epoch[EPOCH_SIZE];
	char history[HISTORY_SIZE]; /* at seq; "": the issuer says none */
	int64_t iat, ttl;
	uint64_t after, seq; /* events after+1 .. seq */
	bool more; /* a batch cut short: at iat there were events behind seq */
};

/* Write a batch's payload; `events` is the JSON of each, comma-separated. */
MM_MUST_USE enum mm_err batch_write(const struct feed_head *head,
				    struct span events, struct buf *payload);

/* Apply a batch to *r.  The head and the form and number of every event are
 * checked before the first is applied; events that r already has are passed
 * over.  MM_ERR_WRONG_ISSUER, MM_ERR_EPOCH (also where r's events are not those
 * that the issuer has under their numbers: r->astray says so until a snapshot
 * has taken its place), MM_ERR_ROLLBACK (it ends before r does), MM_ERR_GAP (it
 * begins behind r), MM_ERR_TOO_LARGE or MM_ERR_MALFORMED.  If an event does not
 * fit r (a list that r does not have), those before it stay applied: r then is
 * what the issuer was at r->seq, and since the issuer signed the rest, r has
 * gone astray and the follower takes a snapshot.
 *
 * each(ctx, event), if not NULL, is called after each event applied.
 *
 * r->iat only moves forward, and not by a batch that says `more`: that one is
 * new, but tells nothing of what had happened by its iat.  Whether it stands
 * still is the caller's to watch, who has the clock. */
MM_MUST_USE enum mm_err batch_apply(struct replica *r, struct span payload,
				    void (*each)(void *, const struct event *),
				    void *ctx);

/* A snapshot's payload.  iat and ttl in seconds. */
MM_MUST_USE enum mm_err snapshot_write(const struct replica *r, int64_t iat,
				       int64_t ttl, struct buf *payload);
/* A replica made from one; it replaces *r only when all of it was good.
 * MM_ERR_WRONG_ISSUER if r->iss is set and another, MM_ERR_ROLLBACK if r
 * holds something newer: by sequence in the same epoch, by iat in another.
 * An r of zeros takes anything. */
MM_MUST_USE enum mm_err snapshot_read(struct span payload, struct replica *r);

#endif
