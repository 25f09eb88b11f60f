/* checkpoint.h - a replica on disk, whole: what an agent resumes from.
 *
 *	"mintmark-checkpoint 1 <SHA-256 of the rest, in hex>\n"
 *	and the payload of a snapshot (common/feed.h)
 *
 * Not signed: the signature was checked when its content was taken in, and
 * who can write here can write the state file too. */
#ifndef MM_VERIFIER_CHECKPOINT_H
#define MM_VERIFIER_CHECKPOINT_H

#include "common/replica.h"

/* `iat`: its newest news, which those of r may not say (keep.h, doubt). */
MM_MUST_USE enum mm_err checkpoint_save(const struct replica *r, int64_t iat,
					const char *path, struct why *why);
/* Into an empty replica.  MM_ERR_NOT_FOUND; MM_ERR_INVALID if damaged. */
MM_MUST_USE enum mm_err checkpoint_load(struct replica *r, const char *path,
					struct why *why);

#endif
