/* use_format.h - the file in which a host keeps the uses that its issuer does
 * not know of: written and read by its agent, looked at by mintmark doctor.
 *
 * Numbers are the machine's own (the file never leaves its host):
 *
 *	struct use_file_head
 *	struct use_file_token, and its chain: int64_t each; and so on
 *	struct sighting; and so on
 *
 * PROTOCOL.md s6.
 */
#ifndef MM_COMMON_USE_FORMAT_H
#define MM_COMMON_USE_FORMAT_H

#include "common/claims.h"
#include "common/seen.h"

#define USE_CHAIN_MAX  8192	  /* more uses of a token are not kept apart */
#define USE_TOKENS_MAX (1u << 19) /* chains, */
#define USE_TIMES_MAX  (1u << 20) /* and the uses in them all */

#define USE_FILE_MAX   (64u << 20)
#define USE_FILE_MAGIC "MMUSES2" /* and the version */

struct use_file_head {
	char magic[8];
	uint8_t checksum[32]; /* SHA-256 of all behind it */
	uint64_t seen_at;     /* where the sightings begin in the file */
	char iss[ISS_SIZE];
};
_Static_assert(sizeof(struct use_file_head) == 48 + ISS_SIZE,
	       "nothing in between");

struct use_file_token {
	uint32_t list, idx, zero, count;
	int64_t iat, exp, window, sent, latest;
};
_Static_assert(sizeof(struct use_file_token) == 56, "nothing in between");
_Static_assert(USE_TOKENS_MAX * sizeof(struct use_file_token) +
			       USE_TIMES_MAX * sizeof(int64_t) +
			       65536 * sizeof(struct sighting) <=
		       USE_FILE_MAX / 4 * 3,
	       "full tables fit, and what changes while they are written");

#endif
