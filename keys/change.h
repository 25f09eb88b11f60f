/* change.h - a change of a keyring while it is made, for keyring_change.c.
 *
 * Lock, sweep, read; then small durable steps.  The ring follows them.
 */
#ifndef MM_KEYS_CHANGE_H
#define MM_KEYS_CHANGE_H

#include "keys/keyring_files.h"

struct change {
	struct keyring_at at;
	struct secret passphrase; /* of new files; none: they are plain */
	struct key_folders folders;
	struct keyring ring;
	enum jwk_alg alg; /* of new keys */
	struct why *why;
};

void change_end(struct change *c);
#define AUTO_CHANGE __attribute__((cleanup(change_end)))

struct change change_of(struct keyring_at at, enum jwk_alg alg,
			struct why *why);
/* Lock, sweep, read; `create`: make the folders where there are none. */
MM_MUST_USE enum mm_err change_begin(struct change *c, bool create);

/* ---- looking: the entries are the ring's, and move in each step ---- */

struct keyring_entry *change_find(struct change *c, const char *kid);
size_t change_count(const struct change *c, enum key_state state);
/* The newest that signs, or NULL. */
const struct keyring_entry *change_signer(const struct change *c);
struct keyring_entry *change_waiting(struct change *c);
/* Of all keys; never NULL. */
const struct keyring_entry *change_newest(const struct change *c);
/* Then no key in software is made to follow. */
bool change_signs_in_token(const struct change *c);
void change_name(char out[KID_SIZE], const struct keyring_entry *e);

/* ---- refusals ---- */

enum mm_err change_not_here(const struct change *c, const char *kid);
MM_MUST_USE enum mm_err change_check_room(const struct change *c);

/* ---- steps, durable when they are done ---- */

MM_MUST_USE enum mm_err change_make_key(const struct change *c,
					struct jwk **out);
/* What stands in the file of a key that is kept so; how new ones are. */
MM_MUST_USE enum mm_err change_text(const struct change *c,
				    const struct jwk *key, enum key_kept kept,
				    struct buf *text);
enum key_kept change_kept(const struct change *c);
/* Write a new key and take it into the ring, which then owns it. */
MM_MUST_USE enum mm_err
change_take_key(struct change *c, struct keyring_entry *e, struct span text);
MM_MUST_USE enum mm_err change_add_key(struct change *c, enum key_state state);
MM_MUST_USE enum mm_err change_remove_key(struct change *c,
					  struct keyring_entry *e);
MM_MUST_USE enum mm_err change_ensure_next(struct change *c);
/* Whoever waits becomes the signer, or a new one does. */
MM_MUST_USE enum mm_err change_promote(struct change *c);
MM_MUST_USE enum mm_err change_ensure_signer(struct change *c);
/* All that sign but `kid` go to retiring/; *last gets the last such. */
MM_MUST_USE enum mm_err change_demote_all_but(struct change *c, const char *kid,
					      char last[KID_SIZE]);

#endif
