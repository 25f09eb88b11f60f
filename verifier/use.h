/* use.h - step 4: a verifying process tells its agent that a token was used.
 *
 * One datagram a use, sent to the Unix socket `<state file>.sock`, never
 * waited for and never repeated: a lost one only means that the next use
 * counts instead.  Numbers are the machine's own (the socket never leaves
 * its host), 56 bytes in all:
 *
 *	 0	char[4]		"MMU1"
 *	 4	uint32_t	list
 *	 8	uint32_t	idx
 *	12	uint32_t	0
 *	16	int64_t		used_at, seconds since 1970
 *	24	int64_t		iat
 *	32	int64_t		exp
 *	40	int64_t		auto_refresh, the window
 *	48	char[8]		zeros
 *
 * The numbers of the token travel along since nobody but its verifier has
 * seen them.  Who may write to the socket (its group) is trusted not to
 * keep tokens alive that are not used; the issuer checks again.
 */
#ifndef MM_VERIFIER_USE_H
#define MM_VERIFIER_USE_H

#include <stdatomic.h>
#include <sys/un.h>

#include "common/claims.h"

#define USE_MAGIC  "MMU1"
#define USE_SUFFIX ".sock"

struct use_datagram {
	char magic[4];
	uint32_t list, idx;
	uint32_t zero;
	int64_t used_at, iat, exp, auto_refresh;
	uint8_t zeros[8];
};
_Static_assert(sizeof(struct use_datagram) == 56, "what the socket carries");

/* The address of a state file's socket.  False: the path is too long. */
bool use_address(const char *state_path, struct sockaddr_un *out);

/* What was sent last, so that a missing agent does not cost a system call
 * each time.  Lossy: two tokens in one place only send more often. */
#define USE_RECENT 256

struct use_sender {
	int fd; /* -1: nothing is sent */
	struct sockaddr_un to;
	_Atomic uint64_t recent[USE_RECENT]; /* token's hash, then second */
};

void use_sender_open(struct use_sender *s, const char *state_path);
/* Is the agent's socket there, and we may not write to it?  Then uses here
 * do not count, and nobody would notice until tokens die. */
bool use_sender_barred(const struct use_sender *s);
void use_sender_close(struct use_sender *s);

/* The token was used at `now`, and the state knows of `last_use`: tell the
 * agent if it is worth telling. */
void use_send(struct use_sender *s, const struct claims *c, int64_t last_use,
	      int64_t now);

#endif
