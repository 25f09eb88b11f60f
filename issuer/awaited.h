/* awaited.h - agents that were given something and are not back yet.
 *
 * An agent asks for what comes after the events it has, is given some, and
 * when it has taken them in asks for what comes after those.  Nobody knows
 * it by name, but the two numbers tell: whoever was given events FROM..TO
 * is the one that comes back with TO, and until then it may lack everything
 * behind FROM.
 *
 * Agents that are alike are counted together.  Who does not come back is
 * forgotten AWAITED_MS after the last of its kind was given something.
 * Pure: time is an argument, and the caller has the lock.
 */
#ifndef MM_ISSUER_AWAITED_H
#define MM_ISSUER_AWAITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AWAITED_MS    500 /* an agent takes a few, when it is there */
#define AWAITED_KINDS 64

struct awaited_kind {
	uint64_t from, to;
	size_t count; /* 0: a free place */
	int64_t at;   /* when the last of them was given something */
};

struct awaited {
	struct awaited_kind kind[AWAITED_KINDS];
	int64_t blind_until; /* some were not counted: wait so long for all */
};

/* An agent that has everything up to `from` is about to be given more;
 * what, is told by one of the next two. */
void awaited_begin(struct awaited *a, uint64_t from, int64_t now);
void awaited_given(struct awaited *a, uint64_t from, uint64_t to, int64_t now);
void awaited_refused(struct awaited *a, uint64_t from);

/* An agent asks for what comes after `after`.  True: it was the last of its
 * kind, so that awaited_until() may have another answer now. */
bool awaited_back(struct awaited *a, uint64_t after);

/* When at the latest to stop waiting for those that may lack the event
 * `seq`; 0: all have it. */
int64_t awaited_until(const struct awaited *a, uint64_t seq, int64_t now);

#endif
