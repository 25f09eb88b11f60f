/* seen.h - that a token was used: in which hour, and where.
 *
 * For people who look at their tokens, and for nothing else: no token lives
 * or dies by it (that is last_use, use_table.h), and nobody is told when it
 * changes.  The hour is all that is kept of the time.  PROTOCOL.md s4.
 */
#ifndef MM_COMMON_SEEN_H
#define MM_COMMON_SEEN_H

#include "common/cidr.h"
#include "common/error.h"
#include "common/span.h"

#define SEEN_GRAIN 3600 /* seconds */

/* The beginning of the hour that `t`, seconds since 1970, is in. */
static inline int64_t seen_hour(int64_t t)
{
	return t - t % SEEN_GRAIN;
}

/* The door that a token came in by, a word: "http", "pam:sshd". */
#define DOOR_SIZE 32
/* Room for an address as text, and NUL. */
#define FROM_SIZE 48
_Static_assert(FROM_SIZE >= ADDRESS_SIZE, "an address fits");

/* Is it one?  1 to 31 bytes of visible ASCII without " and \. */
bool door_is_word(struct span s);
/* Make one of a name as people give it: what does not fit is cut off, and
 * what may not be there becomes '_'.  NULL and "" make "". */
void door_write(char out[DOOR_SIZE], const char *name);
/* The address that a text says, in its one spelling; "" where it is none. */
void from_write(char out[FROM_SIZE], struct span text);

struct sighting {
	uint32_t list, idx;
	int64_t hour;	      /* its beginning, seconds since 1970 */
	char door[DOOR_SIZE]; /* "": not known */
	char from[FROM_SIZE]; /* the other end's address; "": not kept */
};

/* ---- those that somebody is yet to be told of: seen_table.c ---- */

#define SEEN_DOORS 64

/* One for a token, the newest.  Of what was told is known for the rest of
 * the hour that it was, so that each token, hour and door is told once. */
struct seen_table {
	void *tree; /* of struct seen_entry: tsearch(3) */
	size_t count, max, untold;
	char door[SEEN_DOORS][DOOR_SIZE]; /* the doors heard of so far */
	size_t doors;
	bool changed; /* to be set to false by who has saved it */
};

/* At most `max` tokens; the table is zeros before. */
void seen_table_init(struct seen_table *t, size_t max);
void seen_table_free(struct seen_table *t);

/* MM_ERR_FULL: not noted, there is no room. */
MM_MUST_USE enum mm_err seen_table_add(struct seen_table *t,
				       const struct sighting *s);
/* Each that is yet to be told. */
void seen_table_each(const struct seen_table *t,
		     void (*each)(void *, const struct sighting *), void *ctx);
/* Those to be told now, at most `max`, in order of their tokens.  What is of
 * the last few seconds waits, so that clocks need not agree to the second. */
size_t seen_table_due(const struct seen_table *t, int64_t now,
		      struct sighting *out, size_t max);
/* It was told. */
void seen_table_taken(struct seen_table *t, const struct sighting *s);
/* Forget what was told in earlier hours. */
void seen_table_prune(struct seen_table *t, int64_t now);

#endif
