/* keep.h - what one host holds of its issuer, in its four forms.
 *
 *	replica		in memory: the issuer's own values, as of one number
 *	state file	<state>: the replica and the uses seen on this host,
 *			for readers; never resumed from
 *	checkpoint	<state>.checkpoint, and
 *	journal		<state>.journal behind it: what a restart resumes from
 *	uses		<state>.pending: what the issuer does not know yet, and
 *			which tokens were seen
 *
 * A signed object is checked, applied to the replica, made durable enough
 * (the journal has it, if only in the page cache), and then shown in the
 * state file.  Anything refused changes nothing.
 *
 * Threads: one, the follower's, takes objects in and changes the replica; it
 * does so with `lock` held, which others take to look at it, to note a use
 * (for which the state file may have to be made new), or to see the table of
 * uses.
 */
#ifndef MM_VERIFIER_KEEP_H
#define MM_VERIFIER_KEEP_H

#include <pthread.h>

#include "common/feed.h"
#include "common/seen.h"
#include "verifier/journal.h"
#include "verifier/state.h"
#include "verifier/use.h"
#include "verifier/use_table.h"

struct keeper {
	char path[PATH_MAX]; /* the state file's */
	char iss[ISS_SIZE];
	int64_t max_staleness;
	int lock_fd;

	pthread_mutex_t lock;
	struct replica replica;
	bool holds;	  /* the replica is one */
	int64_t fresh_at; /* the newest iat seen, never ahead of our clock */
	int64_t fresh_ms; /* clock_ms() then */
	bool doubt; /* resumed, and fresh_at is ahead of our clock: nothing
		     * is believed; replica.iat is what comes, or 0 */
	struct state_writer live;
	bool must_show;	      /* the live file is behind the replica; only the
			       * follower's thread sets it */
	bool wants_file;      /* it is true, but a larger one is wanted, */
	int64_t next_file_ms; /* not before clock_ms() */
	enum state_harm harm; /* that was done to the live file: to be said */
	bool gone;	      /* it is not at its path any more */
	enum mm_err no_file;  /* the last could not be made, or MM_OK; */
	struct why why_none;
	struct use_table uses;
	struct seen_table seen;

	/* the follower's thread only */
	struct journal journal;
	int64_t checkpoint_ms; /* clock_ms() of the last one */
	struct why lost;       /* why keep_load() resumed from nothing, or "" */
	struct why lost_uses;  /* why it knows of no uses, or "" */
};

/* The folder of `state`, and what is kept there, are ours or root's, and
 * nobody else can write to them.  A folder with the sticky bit (/tmp) will do,
 * as long as the files are ours.  MM_ERR_INVALID, MM_ERR_IO. */
MM_MUST_USE enum mm_err keep_check_place(const char *state, struct why *why);

/* Look at the place, and take the lock file.  MM_ERR_INVALID: somebody else
 * could have written there.  MM_ERR_BUSY: another agent keeps this state. */
MM_MUST_USE enum mm_err keep_open(struct keeper *k, const char *path,
				  const char *iss, int64_t max_staleness,
				  struct why *why);
/* Resume from checkpoint, journal and saved uses, as far as they are good,
 * and show the result.  k->holds says whether there was anything.
 * MM_ERR_NOMEM, MM_ERR_IO: they cannot be read now, and are as they were.
 * MM_ERR_FULL: there is no room to show it, and what is there was made stale.
 */
MM_MUST_USE enum mm_err keep_load(struct keeper *k, int64_t now,
				  struct why *why);
void keep_close(struct keeper *k);
/* Is the lock's file no more at its path?  Then what else lay beside the state
 * file may be gone, too, and until a restart nobody makes its sockets. */
bool keep_lost_lock(const struct keeper *k);

/* A signed object as it came.  `also`: keys to trust besides the replica's.
 * MM_ERR_TOO_LARGE, MM_ERR_BAD_SIGNATURE, MM_ERR_UNKNOWN_KEY,
 * MM_ERR_WRONG_ISSUER, MM_ERR_EPOCH, MM_ERR_ROLLBACK, MM_ERR_GAP,
 * MM_ERR_MALFORMED: refused.  MM_ERR_IO, MM_ERR_FULL: taken, but it cannot be
 * shown, and the state file was made stale. */
MM_MUST_USE enum mm_err keep_take_batch(struct keeper *k, struct span jws,
					const struct jwk_set *also, int64_t now,
					struct why *why);
MM_MUST_USE enum mm_err keep_take_snapshot(struct keeper *k, struct span jws,
					   const struct jwk_set *also,
					   int64_t now, struct why *why);

/* The issuer was not heard: after max_staleness by the steady clock the state
 * file is stale, whatever the host's clock says (it may have been set back).
 * Is it no more behind what was kept, the doubt is over, as for who starts
 * now. */
void keep_note_silence(struct keeper *k, int64_t now);
/* With the lock held, or in the follower's thread: what it is to say of its
 * news.  0: stale, for that reason. */
int64_t keep_fresh_at(const struct keeper *k);

/* A use on this host, as a datagram brought it.  MM_ERR_INVALID: not
 * believable. */
MM_MUST_USE enum mm_err keep_use(struct keeper *k, const struct use_datagram *d,
				 int64_t now);

/* Write a checkpoint and empty the journal; keep_maybe_checkpoint() does so
 * when it is time. */
MM_MUST_USE enum mm_err keep_checkpoint(struct keeper *k, struct why *why);
MM_MUST_USE enum mm_err keep_maybe_checkpoint(struct keeper *k,
					      struct why *why);
/* Without the lock, before it is taken again for the next slice: who waits for
 * it has it first. */
void keep_give_way(void);
/* Save the uses not yet told. */
MM_MUST_USE enum mm_err keep_save_uses(struct keeper *k, struct why *why);

/* With the lock held (uses have a file made anew, too): is the state file stale
 * because it could not be made true, or is there none for that reason? */
bool keep_is_behind(const struct keeper *k);
/* With the lock held: make the file that is wanted, if it is time; and at once
 * if somebody has cut the live one short, damaged or removed it. */
void keep_grow(struct keeper *k);
/* With the lock held: what somebody has done to the live file, once: the word
 * for the log, and what became of it.  MM_OK: nothing. */
enum mm_err keep_tell_harm(struct keeper *k, const char **event,
			   struct why *why);

/* Make the state file true again: whole, from the replica.  Where there is no
 * room for a new one at the start, that which is there, if it will do. */
MM_MUST_USE enum mm_err keep_show(struct keeper *k, struct why *why);

#endif
