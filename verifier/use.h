/* use.h - step 4: a verifying process tells its agent that a token was used.
 *
 * One datagram a use, sent to the Unix socket `<state file>.sock`, never
 * waited for and never repeated: a lost one only means that the next use
 * counts instead.  Numbers are the machine's own (the socket never leaves
 * its host), 128 bytes in all:
 *
 *	 0	char[4]		"MMU2"
 *	 4	uint32_t	list
 *	 8	uint32_t	idx
 *	12	uint32_t	0
 *	16	int64_t		used_at, seconds since 1970
 *	24	int64_t		iat
 *	32	int64_t		exp
 *	40	int64_t		auto_refresh, the window; 0: a fixed token
 *	48	char[32]	door, NUL-ended; "": not known
 *	80	char[48]	from, NUL-ended: the other end's address, or ""
 *
 * The numbers of the token travel along since nobody but its verifier has
 * seen them.  Who may write to the socket (its group) is trusted not to
 * keep tokens alive that are not used; the issuer checks again.  What he
 * says of a token stands beside what others say of it (use_table.h).
 *
 * Until version 1 is forgotten ("MMU1", 56 bytes: the same up to 48, then
 * zeros; of auto_refresh tokens only), the agent takes it too.
 */
#ifndef MM_VERIFIER_USE_H
#define MM_VERIFIER_USE_H

#include <stdatomic.h>
#include <sys/types.h>
#include <sys/un.h>

#include "common/claims.h"
#include "common/seen.h"

#define USE_MAGIC   "MMU2"
#define USE_MAGIC_1 "MMU1"
#define USE_SIZE_1  56
#define USE_SUFFIX  ".sock"

struct use_datagram {
	char magic[4];
	uint32_t list, idx;
	uint32_t zero;
	int64_t used_at, iat, exp, auto_refresh;
	char door[DOOR_SIZE];
	char from[FROM_SIZE];
};
_Static_assert(sizeof(struct use_datagram) == 128 &&
		       offsetof(struct use_datagram, door) == 48,
	       "what the socket carries");

/* A datagram of `size` bytes has come into *d: is it of a version that is
 * known?  What its version does not have is made zeros. */
bool use_datagram_read(struct use_datagram *d, ssize_t size);

/* The address of a state file's socket.  False: the path is too long. */
bool use_address(const char *state_path, struct sockaddr_un *out);

/* What was sent last, so that a missing agent does not cost a system call
 * each time.  Lossy: two tokens in one place only send more often. */
#define USE_RECENT 256

struct use_sender {
	int fd; /* -1: nothing is sent */
	struct sockaddr_un to;
	char door[DOOR_SIZE];
	/* a hash of the token, then the second or the turn of the telling */
	_Atomic uint64_t recent[USE_RECENT];
};

/* `door`: what people call the place that sends (door_write()). */
void use_sender_open(struct use_sender *s, const char *state_path,
		     const char *door);
/* Is the agent's socket there, and we may not write to it?  Then uses here
 * do not count, and nobody would notice until tokens die. */
bool use_sender_barred(const struct use_sender *s);
void use_sender_close(struct use_sender *s);

/* A token that was verified just now. */
struct used {
	const struct claims *claims;
	int64_t last_use; /* that the state knows of */
	/* Where its process remembers the turn in which it told of it (0:
	 * none), or NULL: nowhere but in `recent`. */
	_Atomic uint32_t *told;
	struct span from; /* the address that it came from, if known */
};

/* It is used at `now`: tell the agent if it is worth telling.  That is once
 * in each turn (an hour of the clock; 1/64 of its window, if that is less),
 * and when it keeps the token alive. */
void use_send(struct use_sender *s, const struct used *u, int64_t now);

#endif
