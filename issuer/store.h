/* store.h - what the issuer remembers, as verbs.
 *
 * Every verb may be called from any thread and returns when its work is
 * durable (or was refused).  Changes append their events to the log in the
 * same transaction, and their lines to the audit: what cannot be put there
 * is not done.  Event numbers are consecutive, without gaps.  No
 * caller may assume that it is the only issuer on the store: state is read
 * back by following the log, also for one's own writes.
 *
 * MM_ERR_UNAVAILABLE: the store cannot answer now.  MM_ERR_FULL: no room.
 * MM_ERR_VERSION: never again: a newer release has changed the store.
 * MM_ERR_UNSURE: it broke off while it was committing; the change may have been
 * made, or not.
 */
#ifndef MM_ISSUER_STORE_H
#define MM_ISSUER_STORE_H

#include "common/audit.h"
#include "common/feed.h"
#include "common/seen.h"

#define LABEL_SIZE 256
#define ACTOR_SIZE 320

enum token_status { /* as stored; in the status list, IDLE is revoked */
		    TOKEN_VALID = 0,
		    TOKEN_REVOKED = 1,
		    TOKEN_SUSPENDED = 2,
		    TOKEN_IDLE = 3
};

/* One token.  Times in seconds since 1970, 0 = never / none. */
struct token_row {
	uint32_t list, idx;
	char user[USER_SIZE];
	char label[LABEL_SIZE];
	char scope[SCOPE_SIZE]; /* "" with has_scope false */
	char audience[1024];	/* words separated by spaces; "" none */
	char cidr[CIDR_SIZE];	/* networks, the same way */
	char kid[KID_SIZE];
	bool key_gone; /* retired or compromised: nobody takes the token */
	char created_by[ACTOR_SIZE];
	char changed_by[ACTOR_SIZE]; /* who last set the status */
	bool has_scope;
	int64_t iat, exp, auto_refresh, last_use;
	enum token_status status;
	int64_t changed_at;
	int64_t revoke_at; /* rotated with overlap: dies then */
	int64_t seen_at;   /* the hour that it was used in last, */
	char seen_door[DOOR_SIZE], seen_from[FROM_SIZE]; /* and where */
	int64_t warned; /* the smallest threshold, in seconds, that was
			 * warned of; 0: none was, or a use moved the end
			 * away again */
	/* Not stored: the token that asks for this one (list 0: none does).
	 * It must still be valid when the row is written. */
	uint32_t by_list, by_idx;
	int64_t most; /* live tokens that its user may have with this one; 0:
		       * any number */
	struct repeat *once; /* the request that this is for; NULL: none */
	const char *address, *request; /* for the audit; NULL: none */
};

#define DIGEST_SIZE 44 /* a SHA-256 in base64url, and NUL */

/* A request that is to be done once, however often it comes (PROTOCOL.md
 * s7).  Both are hashes: of who asks and his key, and of what he asks. */
struct repeat {
	char name[DIGEST_SIZE];
	char request[DIGEST_SIZE];
	/* What the verb says that was to do it: it had been done, and this
	 * is the token that was made then.  Nothing was done now. */
	bool before;
	struct token_row made;
};

/* Who changes something, and when; for the audit also from where (NULL:
 * nobody asked from outside).  `admin` may reinstate what anybody has
 * suspended; others only what they suspended themselves. */
struct stamp {
	const char *by;
	int64_t at;
	bool admin;
	const char *address, *request;
};

struct store;

/* MM_ERR_CONFLICT: beside the file at `path`, which came from a backup, lies a
 * log, and would be written over it.  Before store_open(). */
MM_MUST_USE enum mm_err store_check_restored(const char *path, struct why *why);
/* May it be said as --store ("": the file)?  Nothing is opened; MM_ERR_INVALID,
 * in words that do not repeat it: there may be a password in it. */
MM_MUST_USE enum mm_err store_check_address(const char *where, struct why *why);
/* Of an address that may be said: will the file do that it names for the
 * password?  Not whether the password does: nobody is asked. */
MM_MUST_USE enum mm_err store_try_files(const char *where, struct why *why);
/* Open, and create where there is none: a file (SQLite), or tables in
 * postgresql://..., which any number of issuers may share.  Refuses a store of
 * a newer version, or of another issuer, and a file that another daemon holds.
 * A file of an older version is brought up; tables are by store_migrate().
 * wake(ctx) is called, from any thread, when events may have been added. */
MM_MUST_USE enum mm_err store_open(const char *where, const char *iss,
				   void (*wake)(void *), void *ctx,
				   struct store **out, struct why *why);
/* Bring a store of an older version up to this release's, as one change: it is
 * all done or, on failure, as it was.  *from and *to are the versions before
 * and now; the same: there was nothing to do.  Issuers of the older release on
 * the same tables stop (MM_ERR_VERSION, from every change of theirs).
 * MM_ERR_NOT_FOUND: there is no store.  MM_ERR_VERSION: it is of a newer one.
 * MM_ERR_UNSURE: it is all done, or as it was; do it again.
 * MM_ERR_CONFLICT: a daemon holds the file. */
MM_MUST_USE enum mm_err store_migrate(const char *where, int64_t *from,
				      int64_t *to, struct why *why);
/* May there be other issuers on it? */
bool store_is_shared(const struct store *s);
void store_close(struct store *s);

/* The store came back from a backup: what happened since is lost.  A new
 * epoch, so that followers take the snapshot (and keep what they hold as
 * revoked); each list ends at the last token that this store has, what it
 * does not know before that is revoked, lists without tokens are dead, and
 * new ones have numbers that no lost one had.  It is later than what began at
 * `after` (struct newest). */
MM_MUST_USE enum mm_err store_begin_history(struct store *s, int64_t after);

/* The whole state in one read: lists, statuses, renewals, keys, epoch,
 * sequence.  *r is empty before. */
MM_MUST_USE enum mm_err store_load(struct store *s, struct replica *r);

/* ---- lists and minting ---- */

/* Tokens that expire in the same 30 days share a list, so that it dies
 * whole soon after its last token. */
#define LIST_PERIOD (30 * INT64_C(86400))
static inline int64_t list_period_end(int64_t expires)
{
	return (expires + LIST_PERIOD - 1) / LIST_PERIOD * LIST_PERIOD;
}

/* See that a list of this kind for tokens expiring by `expires` exists (and
 * is announced).  A no-op when it does and has room for `room` more. */
MM_MUST_USE enum mm_err store_announce_list(struct store *s,
					    enum list_kind kind,
					    int64_t expires, uint32_t room);
/* Indexes first .. first + count - 1 of one list. */
struct index_range {
	uint32_t list, first, count;
};
/* Take up to `count` indexes (at least one) that nobody else will ever
 * get. */
MM_MUST_USE enum mm_err store_reserve(struct store *s, enum list_kind kind,
				      int64_t expires, uint32_t count,
				      struct index_range *out);
/* With t->once: unless it was done before, see there.  MM_ERR_FORBIDDEN: its
 * user has as many live tokens as he may.  MM_ERR_GONE: its index is not to be
 * had any more (a new history has begun since): forget all that were reserved.
 * MM_ERR_CONFLICT: its key is not one that was announced. */
MM_MUST_USE enum mm_err store_mint(struct store *s, const struct token_row *t);
/* Mint `t` in place of `old`, which dies at once or at t->iat + overlap.  With
 * t->once and t->most as store_mint().
 * MM_ERR_CONFLICT: old is not valid any more, has died, or is being
 * replaced already. */
MM_MUST_USE enum mm_err store_rotate(struct store *s, uint32_t old_list,
				     uint32_t old_idx, int64_t overlap,
				     const struct token_row *t);

/* Has this been done, then by which token?  Fills r->made.
 * MM_ERR_NOT_FOUND: no.  MM_ERR_REUSED: its name is another request's. */
MM_MUST_USE enum mm_err store_repeat(struct store *s, struct repeat *r);

/* ---- reading ---- */

MM_MUST_USE enum mm_err store_get(struct store *s, uint32_t list, uint32_t idx,
				  struct token_row *out);

/* The newest token that was issued after `t` and not revoked since.
 * MM_ERR_NOT_FOUND: none was. */
MM_MUST_USE enum mm_err store_issued_after(struct store *s, int64_t t,
					   struct token_row *out);

enum token_filter {
	FILTER_ACTIVE,
	FILTER_REVOKED,
	FILTER_SUSPENDED,
	FILTER_EXPIRED,	    /* past exp, or idle */
	FILTER_UNKNOWN_KEY, /* else active, but its key is gone */
	FILTER_ALL
};

struct token_query {
	const char *user; /* exactly; NULL: any */
	const char *text; /* part of user or label, any case; NULL: any */
	const char *kid;  /* signed by this key; NULL: any */
	enum token_filter filter;
	int64_t now;
	size_t limit;
	/* Continue behind this token (newest first); list 0: from the
	 * start. */
	int64_t after_iat;
	uint32_t after_list, after_idx;
};
/* Calls each(ctx, row) for at most q->limit tokens, newest first. */
MM_MUST_USE enum mm_err
store_query(struct store *s, const struct token_query *q,
	    void (*each)(void *, const struct token_row *), void *ctx);

/* Active tokens that somebody should look at; of the query, now and limit are
 * asked. */
enum token_pick {
	PICK_EXPIRING, /* those that die next, first */
	PICK_UNUSED    /* never used, the oldest first */
};
MM_MUST_USE enum mm_err
store_pick(struct store *s, enum token_pick pick, const struct token_query *q,
	   void (*each)(void *, const struct token_row *), void *ctx);

/* How many tokens there are and were.  Live: active or suspended. */
#define TALLY_DAYS 90
struct tally {
	int64_t live, suspended;
	int64_t within_7, within_30; /* active, and dead in so many days */
	int64_t unused;		     /* active, and never used */
	int64_t users;
	/* On each day (UTC), the last of them today. */
	int64_t minted[TALLY_DAYS], died[TALLY_DAYS];
};
MM_MUST_USE enum mm_err store_tally(struct store *s, int64_t now,
				    struct tally *out);

/* Active tokens, and not yet replaced, whose end (common/ending.h) is at most
 * `before` seconds away; the soonest first. */
struct ending_query {
	int64_t now, before;
	const char *user; /* exactly; NULL: any */
	bool unwarned;	  /* only those that store_warned() was not said of
			   * for this threshold or a smaller one, and that
			   * were given a longer life than it */
	size_t limit;
	/* Continue behind this token; 0: from the start. */
	int64_t after_ends;
	uint32_t after_list, after_idx;
};
/* Calls each(ctx, row) for at most q->limit tokens. */
MM_MUST_USE enum mm_err
store_ending(struct store *s, const struct ending_query *q,
	     void (*each)(void *, const struct token_row *), void *ctx);

struct user_row {
	char user[USER_SIZE];
	int64_t active, total;
};
struct user_query {
	const char *text;  /* part of the name, any case; NULL: all */
	const char *after; /* continue behind this name; "": from the start */
	size_t limit;
	int64_t now;
};
/* Users in order of name. */
MM_MUST_USE enum mm_err
store_users(struct store *s, const struct user_query *q,
	    void (*each)(void *, const struct user_row *), void *ctx);

struct store_stats {
	int64_t live, total; /* tokens that are active, and all */
	int64_t bytes;	     /* on the disk */
};
/* Counted anew when that is cheap: of a hundred seconds at most one goes
 * there, so that among millions of tokens the numbers are some seconds
 * old. */
MM_MUST_USE enum mm_err store_stats(struct store *s, int64_t now,
				    struct store_stats *out);

/* Of these, what costs next to nothing to ask. */
MM_MUST_USE enum mm_err store_bytes(struct store *s, int64_t *out);

/* Can anything be written?  Writes what is there already, and returns when
 * that is durable.  MM_ERR_FULL, MM_ERR_BUSY, MM_ERR_UNAVAILABLE. */
MM_MUST_USE enum mm_err store_probe(struct store *s);

/* Has what is stored turned out to be damaged, since it was opened?  What can
 * be read is right still.  (Of a file: a server has its own say.) */
bool store_is_damaged(struct store *s);
/* Hand `e` back; where it comes of that, *why says so.  `s` may be NULL. */
enum mm_err store_explain(struct store *s, enum mm_err e, struct why *why);

/* ---- changing ---- */

/* Revoke (final), suspend, or reinstate (STATUS_VALID, of a suspended one).
 * *changed is false when it already was so.  MM_ERR_NOT_FOUND,
 * MM_ERR_CONFLICT (reinstating what was revoked), MM_ERR_FORBIDDEN. */
MM_MUST_USE enum mm_err store_set_status(struct store *s, uint32_t list,
					 uint32_t idx, enum status to,
					 const struct stamp *stamp,
					 bool *changed);
/* Revoke everything of a user; *count says how many were not yet. */
MM_MUST_USE enum mm_err store_revoke_user(struct store *s, const char *user,
					  const struct stamp *stamp,
					  size_t *count);

struct use {
	uint32_t list, idx;
	int64_t at;
};
/* Move last_use forward.  Refused, and not counted: unknown tokens, fixed
 * ones, revoked ones, a time before iat, at or after the effective expiry,
 * or after now.  In order of time. */
MM_MUST_USE enum mm_err store_use(struct store *s, const struct use *uses,
				  size_t count, int64_t now, size_t *accepted);

/* When and where tokens were used, for people to see: neither an event nor a
 * line in the audit.  Only ever forward; of an hour that is known, another
 * door.  Passed over, and not counted: unknown tokens, revoked ones, an hour
 * before iat, after exp or after now. */
MM_MUST_USE enum mm_err store_seen(struct store *s, const struct sighting *seen,
				   size_t count, int64_t now, size_t *accepted);

/* ---- keys ---- */

/* No verifier takes more (PROTOCOL.md section 5). */
#define STORE_KEYS_MAX 64

struct key_row {
	char kid[KID_SIZE];
	uint64_t announced_seq; /* the number of its key-new event */
	int64_t announced_at;	/* 0: in a store of version 2 or before */
	bool signs;
	int64_t stopped_at;  /* it signed until then; 0: it did not stop */
	int64_t last_exp;    /* exp of the longest-lived token it signed */
	int64_t live_tokens; /* not past exp, not revoked; 0 if now is 0, */
	int64_t live_until;  /* and the last exp of these */
};
/* Announce (key-new); a no-op for a known key.  MM_ERR_CONFLICT: it went
 * before.  MM_ERR_TOO_LARGE: STORE_KEYS_MAX are published. */
MM_MUST_USE enum mm_err store_key_add(struct store *s, const char *kid,
				      const char *jwk,
				      const struct stamp *stamp);
/* From now on this one signs, and the one before it no longer; a no-op if
 * it did. */
MM_MUST_USE enum mm_err store_key_signs(struct store *s, const char *kid,
					const struct stamp *stamp);
/* key-retired or key-compromised; a no-op for an unknown key. */
MM_MUST_USE enum mm_err store_key_gone(struct store *s, const char *kid,
				       bool compromised,
				       const struct stamp *stamp);
/* A key that was announced once and is gone now, to be dropped by the
 * caller.  MM_ERR_NOT_FOUND. */
MM_MUST_USE enum mm_err store_former_key(struct store *s, const char *kid,
					 struct jwk **out);
/* Calls each(ctx, kid) for every key that is gone. */
MM_MUST_USE enum mm_err store_former_keys(struct store *s,
					  void (*each)(void *, const char *kid),
					  void *ctx);
/* Those that are published, in the order in which they were announced. */
MM_MUST_USE enum mm_err store_keys(struct store *s, int64_t now,
				   struct key_row out[STORE_KEYS_MAX],
				   size_t *count);

/* ---- the audit ---- */

/* Add what is no change of the store: a sign-in, a refused call.  The
 * entry's seq, at, by, address, request and before are not looked at. */
MM_MUST_USE enum mm_err store_audit(struct store *s,
				    const struct audit_entry *e,
				    const struct stamp *stamp);

struct audit_query {
	const char *text; /* somewhere in the line, any case; NULL: any */
	uint64_t from;	  /* lines behind this number, or before it */
	bool backwards;	  /* the newest first; `from` 0 is behind the last */
	size_t limit;
};
/* Calls each(ctx, line) for the lines, without newlines, in order. */
MM_MUST_USE enum mm_err store_audit_read(struct store *s,
					 const struct audit_query *q,
					 void (*each)(void *, struct span),
					 void *ctx);

/* ---- warnings ---- */

/* It was warned, `before` seconds ahead, of the end that `t` has, and this is
 * said in the audit; `how` is its detail.  Where a use has moved the end
 * since, it will be warned of anew. */
MM_MUST_USE enum mm_err store_warned(struct store *s, const struct token_row *t,
				     int64_t before, const char *how,
				     const struct stamp *stamp);

/* ---- sweeping ---- */

/* Mark idle-dead tokens and those whose overlap has ended, at most `max`;
 * *done says how many. */
MM_MUST_USE enum mm_err store_sweep_tokens(struct store *s, int64_t now,
					   size_t max, size_t *done);
/* Announce lists dead whose last token has expired. */
MM_MUST_USE enum mm_err store_sweep_lists(struct store *s, int64_t now);

#endif
