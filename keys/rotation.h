/* rotation.h - which step of a rotation is next, given what the mint has made
 * of the keyring so far: for mintmark key rotate, that asks it, and for the
 * mint itself. */
#ifndef MM_KEYS_ROTATION_H
#define MM_KEYS_ROTATION_H

#include "keys/keyring.h"

/* What the mint knows of a key.  NULL: no mint runs, so nobody asks for
 * tokens either. */
struct mint_knows {
	bool (*signs)(void *ctx, const char *kid); /* it signs with it now */
	bool (*announced)(void *ctx, const char *kid);
	int64_t (*announced_at)(void *ctx, const char *kid);
	bool (*former)(void *ctx, const char *kid); /* it is gone for good */
	void *ctx;
};

enum rotation_step {
	ROTATION_DO, /* keyring_rotate() */
	/* An earlier run was cut off when the files were done: the mint has to
	 * read them, and no more. */
	ROTATION_TELL,
	/* A key must be known to verifiers before it signs: the mint has to
	 * read the files, and this is then too early. */
	ROTATION_ANNOUNCE
};
/* *untold (with ROTATION_DO): the files are ahead of the mint, so that what
 * keyring_rotate() only prepares is the rest of a rotation. */
enum rotation_step rotation_next(const struct keyring *ring,
				 const struct mint_knows *mint, bool *untold);

/* Before anything is moved: the mint refuses a keyring that has a key which
 * was retired or compromised, and would go on with the keys that it has. */
MM_MUST_USE enum mm_err rotation_check_former(const struct keyring *ring,
					      const struct mint_knows *mint,
					      struct why *why);

/* Is the key whose turn it is old enough for who verifies by the JWKS
 * (KEYRING_KNOWN_SECONDS)?  Where no mint runs, it is as young as its file at
 * least.  MM_ERR_CONFLICT: no, and from when it is. */
MM_MUST_USE enum mm_err rotation_check_age(const struct keyring *ring,
					   const struct mint_knows *mint,
					   int64_t now, struct why *why);

/* MM_ERR_CONFLICT, with the sentence for after ROTATION_ANNOUNCE. */
MM_MUST_USE enum mm_err rotation_too_early(const struct keyring *ring,
					   struct why *why);

/* An error that came when another key had taken over in the folders already:
 * with that said, and what comes next. */
MM_MUST_USE enum mm_err rotation_unfinished(enum mm_err e,
					    const struct keyring_rotation *did,
					    const struct why *said,
					    struct why *why);

/* The kind of new keys: that of the one chosen last. */
enum jwk_alg rotation_alg(const struct keyring *ring);

#endif
