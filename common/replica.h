/* replica.h - the lists and keys as of one event number.
 *
 * The issuer keeps one to publish from, and every follower keeps one: it is
 * changed by events only, in order, so all who stand at the same sequence
 * hold the same.  Not thread-safe: the owner locks.
 */
#ifndef MM_COMMON_REPLICA_H
#define MM_COMMON_REPLICA_H

#include "common/claims.h"
#include "common/jwk.h"
#include "common/status_list.h"

#define EPOCH_SIZE   33 /* 32 hex digits and NUL */
#define HISTORY_SIZE 23 /* 22 characters of base64url and NUL (history.h) */

enum list_kind { LIST_FIXED = 1, LIST_AUTO_REFRESH = 2 };

enum event_type {
	EVENT_STATUS = 1, /* list, idx, value        */
	EVENT_RENEW,	  /* list, idx, last_use     */
	EVENT_LIST_NEW,	  /* list, kind, size, expires */
	EVENT_LIST_DEAD,  /* list                    */
	EVENT_KEY_NEW,	  /* kid, jwk                */
	EVENT_KEY_RETIRED,
	EVENT_KEY_COMPROMISED,
};

struct event {
	uint64_t seq;
	enum event_type type;
	uint32_t list, idx;
	unsigned value;		/* STATUS */
	int64_t last_use;	/* RENEW */
	enum list_kind kind;	/* LIST_NEW */
	uint32_t size;		/* LIST_NEW */
	int64_t expires;	/* LIST_NEW: no token in it lives longer */
	char kid[KID_SIZE];	/* KEY_* */
	char jwk[JWK_TEXT_MAX]; /* KEY_NEW: the public JWK */
	/* Of the log up to this one, where it is known.  It is no part of
	 * the event's JSON. */
	char history[HISTORY_SIZE];
};

struct list {
	uint32_t list;
	enum list_kind kind;
	uint32_t size;
	int64_t expires;
	/* To be read; list_put_*() writes.  Indexes are given in order, and of
	 * a young list most of the pages have never been there. */
	const uint8_t *status;	  /* size / 4 bytes */
	const uint32_t *last_use; /* size entries, or NULL for LIST_FIXED */
	uint32_t touched; /* a multiple of 4: from here on all are zeros */
};

struct replica {
	char iss[ISS_SIZE];
	char epoch[EPOCH_SIZE];
	uint64_t seq;
	char history[HISTORY_SIZE]; /* at seq; "": not known */
	bool astray;		    /* the issuer has another history at seq */
	int64_t iat; /* of the newest object read; 0 in the issuer's own */
	struct jwk_set keys;
	struct list *lists; /* by number, rising */
	size_t list_count, list_cap;
};

void replica_free(struct replica *r); /* and zero it, to be used again */

/* The same again, of its own (the keys are held): *out was zeros, and is to be
 * freed, also after MM_ERR_NOMEM.  For who has something to do that takes
 * longer than the owner can keep it still: of 10 million tokens it takes some
 * 20 ms, and as much memory as they have touched. */
MM_MUST_USE enum mm_err replica_copy(const struct replica *r,
				     struct replica *out);

/* The same, to be written by who then says list_touch(): what is beyond it is
 * in no copy and in no snapshot. */
static inline uint8_t *list_status(struct list *l)
{
	return (uint8_t *)(uintptr_t)l->status;
}

static inline uint32_t *list_last_use(struct list *l)
{
	return (uint32_t *)(uintptr_t)l->last_use;
}

static inline void list_touch(struct list *l, size_t end)
{
	if (end > l->touched)
		l->touched = (uint32_t)((end + 3) / 4 * 4);
}

static inline void list_put_status(struct list *l, uint32_t idx, unsigned value)
{
	list_touch(l, (size_t)idx + 1);
	status_set(list_status(l), idx, value);
}

static inline void list_put_last_use(struct list *l, uint32_t idx,
				     uint32_t last_use)
{
	list_touch(l, (size_t)idx + 1);
	list_last_use(l)[idx] = last_use;
}

/* The list, or NULL.  Good until a list comes or goes. */
struct list *replica_list(const struct replica *r, uint32_t list);
/* A new list of zeros, or the one that is there already, if it is the same.
 * MM_ERR_MALFORMED if it is another, or its size is not a multiple of 4 up
 * to LIST_SIZE_MAX; MM_ERR_TOO_LARGE beyond 4096 lists. */
MM_MUST_USE enum mm_err replica_add_list(struct replica *r, uint32_t list,
					 enum list_kind kind, uint32_t size,
					 int64_t expires, struct list **out);

/* Apply the next event: e->seq must be r->seq + 1 (MM_ERR_GAP, or
 * MM_ERR_ROLLBACK if it is behind).  On any failure nothing has changed.
 * r->history is the caller's to move on.
 * Repeated values are fine; last_use only moves forward. */
MM_MUST_USE enum mm_err replica_apply(struct replica *r, const struct event *e);

#endif
