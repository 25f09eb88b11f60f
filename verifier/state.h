/* state.h - the state file: all that one host must know to check tokens.
 *
 * One process writes it (the agent), any number map it read-only.  Numbers
 * are the machine's own: the file never leaves its host.
 *
 *	0	the header, struct state_header
 *	keys_at	the public keys, key_count x struct state_key
 *	lists_at	the lists, list_count x struct state_list, by number
 *	head_size	(whole pages) the lists' values, each array on pages of
 *		its own: status, two bits a token (common/status_list.h), and
 *		for lists of auto_refresh tokens last_use, a uint32_t a token
 *	file_size	the end
 *
 * The arrays hold the first `held` tokens of their list.  Those behind are
 * valid and were never used: indexes are given out in order, and most lists
 * wait for their first token.  All of the file is allocated before anybody
 * sees it: on a tmpfs to read a hole takes a page, and where there is none
 * left whoever verifies would die of SIGBUS.
 *
 * What changes and how.  `seq`, `fresh_at`, `superseded`, the bytes of the
 * status arrays and the words of the last_use arrays change in place, by
 * single atomic stores.  Everything else never changes: when a key or a list
 * comes or goes, or a token behind `held` changes, a whole new file is made,
 * the old one is marked superseded, and the new one renamed over it; whoever
 * still maps the old one sees the mark and opens the path again.  A published
 * file is never cut short, so a mapping of the size that fstat() told is good
 * for ever.
 *
 * A reader refuses: another version, a size that is not file_size, a wrong
 * checksum, an offset out of range, keys that are none, a file that is not
 * regular.
 */
#ifndef MM_VERIFIER_STATE_H
#define MM_VERIFIER_STATE_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "common/replica.h"
#include "common/state_magic.h"

#define STATE_VERSION  2
#define STATE_PAGE     4096u
#define STATE_KEYS_MAX 64u
#define STATE_LIST_MAX 65536u

/* What the checksum leaves out: itself, and what changes in place. */
#define STATE_SUM_FROM 24
#define STATE_SUM_TO   128

struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t head_size; /* header and directory, in whole pages */
	uint64_t file_size;
	uint8_t checksum[32]; /* SHA-256 of [0, 24) and [128, head_size) */
	uint8_t unused_1[8];

	/* 64: these change in place */
	_Atomic uint64_t seq;	     /* the feed's number it stands at */
	_Atomic int64_t fresh_at;    /* iat of the newest feed object */
	_Atomic uint32_t superseded; /* not 0: open the path again */
	uint8_t unused_2[44];

	/* 128: these do not */
	int64_t max_staleness; /* seconds; older than that is refused */
	uint32_t key_count, list_count;
	uint32_t keys_at, lists_at;
	char iss[ISS_SIZE];
	char epoch[40];
};

struct state_key {
	char kid[16];
	char jwk[JWK_TEXT_MAX]; /* the public JWK, NUL-ended */
};

struct state_list {
	uint32_t list;
	uint32_t kind; /* enum list_kind */
	uint32_t size; /* tokens; a multiple of 4 */
	uint32_t held; /* of these, whose values are here; a multiple of 4 */
	int64_t expires;
	uint64_t status_at;   /* held / 4 bytes */
	uint64_t renewals_at; /* held words; 0 for LIST_FIXED */
};

_Static_assert(offsetof(struct state_header, checksum) == STATE_SUM_FROM &&
		       offsetof(struct state_header, seq) == 64 &&
		       offsetof(struct state_header, max_staleness) ==
			       STATE_SUM_TO &&
		       sizeof(struct state_header) == 448 &&
		       sizeof(struct state_key) == 1040 &&
		       sizeof(struct state_list) == 40,
	       "the layout is a file format");

/* The checksum, by both sides. */
MM_MUST_USE enum mm_err state_checksum(const void *head, size_t head_size,
				       uint8_t out[32]);
static inline const void *state_at(const struct state_header *h,
				   uint64_t offset)
{
	return (const uint8_t *)h + offset;
}

/* The keys' rows: key_count of them. */
static inline const struct state_key *state_keys(const struct state_header *h)
{
	return state_at(h, h->keys_at);
}

/* The list's row in the directory, or NULL.  Without a branch that a
 * processor could guess wrong: which list a token is in is anybody's guess. */
static inline const struct state_list *state_find(const struct state_header *h,
						  uint32_t list)
{
	const struct state_list *row = state_at(h, h->lists_at);
	for (size_t n = h->list_count; n > 1;) {
		size_t half = n / 2;
		row += row[half].list <= list ? half : 0;
		n -= half;
	}
	return h->list_count != 0 && row->list == list ? row : NULL;
}

/* ---- reading (state_read.c) ---- */

/* A mapped file, checked, with its keys parsed. */
struct state_map {
	const struct state_header *head;
	size_t size;
	struct span iss;
	dev_t dev;
	ino_t ino;
	struct jwk_set keys;
	/* reader.c: */
	uint64_t key_number[STATE_KEYS_MAX]; /* the same as long as it stands */
	struct state_map *next;		     /* among the retired ones, */
	uint64_t retired;		     /* since when */
};

/* MM_ERR_NOT_FOUND, or MM_ERR_UNAVAILABLE with a sentence. */
MM_MUST_USE enum mm_err state_map_open(const char *path, struct state_map **out,
				       struct why *why);
void state_map_close(struct state_map *m); /* NULL is allowed */
static inline void state_map_close_at(struct state_map **m)
{
	state_map_close(*m);
}
#define AUTO_MAP __attribute__((cleanup(state_map_close_at)))

static inline bool state_superseded(const struct state_map *m)
{
	return atomic_load_explicit(&m->head->superseded,
				    memory_order_acquire) != 0;
}

static inline int64_t state_fresh_at(const struct state_map *m)
{
	return atomic_load_explicit(&m->head->fresh_at, memory_order_acquire);
}

/* idx < l->size. */
static inline unsigned state_status(const struct state_header *h,
				    const struct state_list *l, uint32_t idx)
{
	const _Atomic uint8_t *bits = state_at(h, l->status_at);
	if (idx >= l->held)
		return STATUS_VALID;
	uint8_t byte =
		atomic_load_explicit(&bits[idx / 4], memory_order_acquire);
	return status_get(&byte, idx % 4);
}

/* Both will be asked for in a moment: let them come nearer. */
static inline void state_fetch(const struct state_header *h,
			       const struct state_list *l, uint32_t idx)
{
	if (l == NULL || idx >= l->held)
		return;
	const uint8_t *status = state_at(h, l->status_at);
	const uint32_t *words = state_at(h, l->renewals_at);
	__builtin_prefetch(&status[idx / 4]);
	if (l->renewals_at != 0)
		__builtin_prefetch(&words[idx]);
}

/* 0: never, or a list of fixed tokens. */
static inline int64_t state_last_use(const struct state_header *h,
				     const struct state_list *l, uint32_t idx)
{
	const _Atomic uint32_t *words = state_at(h, l->renewals_at);
	if (l->renewals_at == 0 || idx >= l->held)
		return 0;
	return atomic_load_explicit(&words[idx], memory_order_acquire);
}

/* ---- writing (state_write.c) ---- */

/* A file in the making, then (installed) the live one. */
struct state_writer {
	char path[PATH_MAX];
	char temp[PATH_MAX]; /* "" when installed */
	int fd;
	struct state_header *head; /* the mapping; NULL: none */
	size_t size;
	uint8_t made[sizeof(struct state_header)]; /* its header, then */
};
#define STATE_WRITER_NONE ((struct state_writer){ .fd = -1 })

/* Make a whole new file beside `path`, from a replica.  Of its i-th list it
 * holds what is set, at least the first room[i] tokens (`room` may be NULL),
 * and some more.  MM_ERR_FULL: there is no room on the disk. */
MM_MUST_USE enum mm_err state_create(struct state_writer *w, const char *path,
				     const struct replica *r,
				     const uint32_t *room,
				     int64_t max_staleness, struct why *why);
/* For when there is none: write the replica over the file that is at the path
 * already, if its keys and lists are the same.  It is the live one then.
 * MM_ERR_NOT_FOUND: it is another. */
MM_MUST_USE enum mm_err state_take_up(struct state_writer *w, const char *path,
				      const struct replica *r,
				      const uint32_t *room,
				      int64_t max_staleness);
/* Mark what is at the path now as superseded, and take its place. */
MM_MUST_USE enum mm_err state_install(struct state_writer *w, struct why *why);
/* What has somebody done to the live file?  Cut it short: who touches what is
 * missing dies of SIGBUS.  Damaged its header: who opens it now refuses it,
 * and what it says of its lists is not to be gone by.  Removed or replaced it:
 * it is as good as it was for who has it mapped, and nobody else finds it. */
enum state_harm { STATE_WHOLE, STATE_CUT, STATE_DAMAGED, STATE_GONE };
enum state_harm state_harm(const struct state_writer *w);
/* Let go of one that was cut or damaged: it is given its length again, and the
 * mark, so that whoever still maps it lives, is told that it is stale, and
 * looks for the next. */
void state_writer_give_up(struct state_writer *w);
/* MM_ERR_INVALID: there is something at the path, and it is no state file. */
MM_MUST_USE enum mm_err state_may_replace(const char *path, struct why *why);
/* Another file has taken w's place.  For when w's is not at the path any more,
 * where state_install() marks it: it was removed. */
void state_writer_supersede(struct state_writer *w);
/* A state that another issuer's agent left at the path (`iss` NULL: whoever
 * did) is not to be believed any longer: it goes stale at once. */
void state_disown(const char *path, const char *iss);
/* Let go; what is not installed is removed. */
void state_writer_close(struct state_writer *w);

/* Change one value in place.  MM_ERR_NOT_FOUND: no such list or index;
 * MM_ERR_TOO_LARGE: it is behind what this file holds, and wants a new one. */
MM_MUST_USE enum mm_err state_put_status(struct state_writer *w, uint32_t list,
					 uint32_t idx, unsigned value);
/* Only ever forward. */
MM_MUST_USE enum mm_err state_raise_use(struct state_writer *w, uint32_t list,
					uint32_t idx, int64_t last_use);
void state_put_head(struct state_writer *w, uint64_t seq, int64_t fresh_at);

#endif
