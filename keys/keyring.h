/* keyring.h - the signing keys, as files whose folder is their state.
 *
 *	DIR/next/KID.pem       published, not yet signing
 *	DIR/active/KID.pem     published, signing (one)
 *	DIR/retiring/KID.pem   published, not signing, until its last
 *	                       token has expired
 *
 *	DIR/next/KID.pub.jwk   published; its private half is kept offline
 *
 *	DIR/compromised/KID    empty: thrown out, and the mint has not said
 *	DIR/retired/KID        so yet; or retired
 *
 * PKCS#8 PEM (plain, or encrypted with a passphrase), mode 0600, folders
 * 0700, KID = the first 11 characters of the RFC 7638 thumbprint (a file
 * whose name is not its key's is refused).  A key that stays in a PKCS#11
 * token has a file KID.uri instead, which says where.
 * Changes are renames, so a crash leaves each key in one state and the same
 * call made again finishes the work.  Changes exclude each other by flock()
 * on DIR/.lock, which the kernel lets go of when a process dies; reading
 * takes no lock.  keys/README.md tells the life of a key.
 */
#ifndef MM_KEYS_KEYRING_H
#define MM_KEYS_KEYRING_H

#include "common/jwk.h"

#define KEYRING_MAX 32

/* Who verifies by the JWKS may keep it so long (its max-age): a key that was
 * announced later than this ago is not known everywhere. */
#define KEYRING_KNOWN_SECONDS 300

/* Where a keyring is, and where the passphrase of its files is: "" or NULL
 * for the systemd credential, if there is one (keys/secret.h).  Passed by
 * value; owns nothing. */
struct keyring_at {
	const char *dir;
	const char *passphrase_file;
};

enum key_state { KEY_NEXT = 1, KEY_ACTIVE, KEY_RETIRING };
const char *key_state_name(enum key_state s); /* "next" ... */

/* How the private half is kept. */
enum key_kept { KEY_PLAIN = 1, KEY_ENCRYPTED, KEY_IN_TOKEN, KEY_OFFLINE };
const char *key_kept_name(enum key_kept k); /* "plain" "encrypted" "pkcs11" */

struct keyring_entry {
	enum key_state state;
	enum key_kept kept;
	int64_t created; /* the file's mtime, */
	long created_ns; /* and its nanoseconds: they order a busy second */
	struct jwk *key; /* with its private half, but for an offline one */
	bool public_too; /* an offline key, whose private half came back */
};

/* An offline key is published but cannot sign: whoever took all that was on
 * this disk has not got it.  keys/README.md tells what it is for. */
static inline bool keyring_is_offline(const struct keyring_entry *e)
{
	return !jwk_is_private(e->key);
}

/* By state, in the order of the enum; newest first within a state. */
struct keyring {
	bool sealed; /* there is a passphrase: new files are encrypted */
	struct keyring_entry at[KEYRING_MAX];
	size_t count;
};

/* Load every key of at.dir into *out, which keyring_free() empties.  Refuses
 * (MM_ERR_INVALID, with the file's name) keys that group or others can
 * read, files that are no key or half of one, encrypted ones without their
 * passphrase, keys whose token cannot be reached, a misnamed file, a key in
 * two states, and more than one key that could sign (but for a half-finished
 * rotation: then the newer one signs and rotate finishes it).  Hidden files are
 * passed over.  A folder without those three is an empty ring:
 * MM_ERR_NOT_FOUND. */
MM_MUST_USE enum mm_err keyring_load(struct keyring_at at, struct keyring *out,
				     struct why *why);
void keyring_free(struct keyring *k);
/* Leave out the key at this place; its file stays. */
void keyring_leave(struct keyring *k, size_t i);
#define AUTO_RING __attribute__((cleanup(keyring_free)))

/* The key of that name, or NULL.  The ring owns it. */
const struct keyring_entry *keyring_find(const struct keyring *k,
					 const char *kid);
/* The key that signs, or NULL.  The ring owns it. */
struct jwk *keyring_signer(const struct keyring *k);
/* The key that keyring_rotate() would make the signer, or NULL: none waits,
 * or a half-finished rotation has to be finished first. */
struct jwk *keyring_successor(const struct keyring *k);
/* Whose turn it is in next/: an offline key that came back (it was brought
 * to take over), else the one that has waited longest, or NULL. */
const struct keyring_entry *keyring_waiting(const struct keyring *k);

/* The changes.  A new key is made here, in software, but never as the next
 * one of a key that signs in its token: whoever keeps keys there brings the
 * next one too (keyring_import).  MM_ERR_BUSY: another change is running.
 * MM_ERR_NOT_FOUND: no keyring there, or no such key in it. */

/* Make the folders (in the parent of at.dir, which exists) and, where there is
 * none, an active key and a next one. */
MM_MUST_USE enum mm_err keyring_init(struct keyring_at at, enum jwk_alg alg,
				     struct why *why);
/* A new key in next/ (or in active/ if nothing signs yet), the folders too
 * where they are missing.  kid gets its name. */
MM_MUST_USE enum mm_err keyring_generate(struct keyring_at at, enum jwk_alg alg,
					 char kid[KID_SIZE], struct why *why);

/* A new key whose private half goes to AWAY/KID.pem (a folder that is there)
 * and nowhere else, its public half to next/.  To take over, the private
 * file is put into next/ beside the public one. */
MM_MUST_USE enum mm_err
keyring_generate_offline(struct keyring_at at, enum jwk_alg alg,
			 const char *away, char kid[KID_SIZE], struct why *why);
/* Put a file for a key in a PKCS#11 token into next/ (or active/ if nothing
 * signs yet).  It has signed once, and rightly. */
MM_MUST_USE enum mm_err keyring_import(struct keyring_at at, const char *uri,
				       char kid[KID_SIZE], struct why *why);
/* Write the files again that are not kept so: encrypted, or plain.  State,
 * name and time stay; *n gets how many were written. */
MM_MUST_USE enum mm_err keyring_protect(struct keyring_at at,
					enum key_kept kept, size_t *n,
					struct why *why);

/* next -> active, active -> retiring, a new next, in this order, so that at
 * no moment nothing signs.  After a crash in between, the next call does
 * what is left and no more.  With an empty next/ it makes a key there and
 * changes nothing else: verifiers must hear of a key before it signs.
 * MM_ERR_CONFLICT: next/ is empty, and the signer is in a token. */
struct keyring_rotation {
	bool only_prepared;    /* next/ was empty: made one, changed nothing */
	bool took_over;	       /* set also where what comes after it failed */
	char active[KID_SIZE]; /* signs now */
	char retiring[KID_SIZE]; /* signed until now; "" if none did */
	char next[KID_SIZE];	 /* waits for its turn; "": none does */
};
MM_MUST_USE enum mm_err keyring_rotate(struct keyring_at at, enum jwk_alg alg,
				       struct keyring_rotation *did,
				       struct why *why);
/* Mark a key of retiring/ and remove it (its tokens are refused from then on).
 * MM_ERR_CONFLICT: it is in another state. */
MM_MUST_USE enum mm_err keyring_retire(struct keyring_at at, const char *kid,
				       struct why *why);
/* Take a key out of any state at once.  If it was the only one to sign, the
 * successor becomes active first (or a new key, where next/ is empty), then
 * a new next is made where none is left; the removal is the last step.
 * What a full disk keeps from being written does not keep the key in: *did
 * says so, and why, with MM_OK, has the reason. */
struct keyring_thrown {
	bool no_next; /* nothing waits */
	bool no_mark; /* only who tells the mint can say that it was stolen */
};
MM_MUST_USE enum mm_err keyring_compromise(struct keyring_at at,
					   const char *kid, enum jwk_alg alg,
					   struct keyring_thrown *did,
					   struct why *why);
/* How a command ended this key, which is gone, if that is still to be said. */
enum key_end { KEY_END_NONE, KEY_END_RETIRED, KEY_END_STOLEN };
MM_MUST_USE enum mm_err keyring_marked(struct keyring_at at, const char *kid,
				       enum key_end *end, struct why *why);
/* Its file is gone already; now its end is meant. */
MM_MUST_USE enum mm_err keyring_mark(struct keyring_at at, const char *kid,
				     enum key_end end, struct why *why);
/* Visit each key that is marked as stolen, there or gone. */
MM_MUST_USE enum mm_err
keyring_each_stolen(struct keyring_at at, void (*each)(void *, const char *kid),
		    void *ctx, struct why *why);
/* Throw out one of this ring that is marked as stolen: that was cut off.  kid
 * gets its name, or "" if there is none, or if an error keeps us from knowing;
 * *did as from keyring_compromise(). */
MM_MUST_USE enum mm_err
keyring_finish(struct keyring_at at, const struct keyring *k, enum jwk_alg alg,
	       char kid[KID_SIZE], struct keyring_thrown *did, struct why *why);
struct key_names {
	const char *at[KEYRING_MAX * 2];
	size_t n;
};
/* Take away the marks of all keys that are not in this ring: what they say is
 * in the log.  But of those in `unsaid` it is not. */
MM_MUST_USE enum mm_err keyring_unmark(struct keyring_at at,
				       const struct keyring *k,
				       const struct key_names *unsaid,
				       struct why *why);
/* Those of keys that were retired and are in it, if nobody is changing the
 * keys just now. */
MM_MUST_USE enum mm_err keyring_unmark_kept(struct keyring_at at,
					    const struct keyring *k,
					    struct why *why);

#endif
