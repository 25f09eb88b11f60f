/* signing.h - the keys in force, read from the keyring and announced.
 *
 * A key is announced in the feed before it signs anything, and said to be
 * gone after it has signed its last: reload first writes key-new events for
 * what is new in the folders, then puts the new ring in place of the old
 * one, whole, and then writes key-retired (or key-compromised) for what is
 * gone.  Should the new signer be one that nobody has heard of, the old ring
 * stays in force until those who follow have taken the news in: what the
 * new one signs they would refuse.
 *
 * Threads: any, at any time.
 */
#ifndef MM_ISSUER_SIGNING_H
#define MM_ISSUER_SIGNING_H

#include "issuer/store.h"
#include "keys/keyring.h"

struct signing;

/* Load a keyring for the first time.  It must have a signer; what `at`
 * points to must outlive the signing. */
MM_MUST_USE enum mm_err signing_open(struct keyring_at at, struct store *store,
				     struct signing **out, struct why *why);
void signing_close(struct signing *s);

/* `tell` returns when all that follow have taken in what the store has, or
 * will not soon. */
void signing_tell_with(struct signing *s, void (*tell)(void *), void *ctx);

/* Read the folders again.  On failure the keys in force stay; but when it comes
 * from announcing those that are gone, the new ones are: `why` says which. Kids
 * that are gone from the folders are announced as compromised if they are in
 * `compromised` or marked so there (keyring.h), and the marks then go.  Who
 * asks is for the audit.  MM_ERR_INVALID also: one of `compromised` is no kid,
 * or in the folders still.  MM_ERR_NOT_FOUND: one is no key and never was,
 * which is all that is wrong: what was asked is done. */
MM_MUST_USE enum mm_err signing_reload(struct signing *s,
				       const char *const *compromised, size_t n,
				       const struct stamp *stamp,
				       struct why *why);

/* For whom nobody waits: a failure goes to the log. */
void signing_reload_or_log(struct signing *s, const struct stamp *stamp);
/* That, unless the folders are as they were. */
void signing_look_again(struct signing *s, const struct stamp *stamp);

/* Once more, if a key was said to be stolen and the last reload could not do
 * all, and if it is time: 5 s later, and after one more that failed twice as
 * long, up to a minute.  What fails as it did before is not said again. */
void signing_finish(struct signing *s);

/* The folders, and what opens them. */
struct keyring_at signing_keyring(const struct signing *s);

/* The key that signs tokens and lists; drop it with jwk_drop(). */
struct jwk *signing_key(struct signing *s);

/* The key of that name, if it is in force and has signed tokens; else NULL.
 * For what it has signed before, and nothing new. */
struct jwk *signing_key_named(struct signing *s, const char *kid);

/* The key for a feed object that follows event `after`: the newest one
 * that everybody who stands there has been told of, so that an agent which
 * was cut off through several rotations can follow the chain home. */
struct jwk *signing_key_known_at(struct signing *s, uint64_t after);

/* Sign a compact JWS.  MM_ERR_UNAVAILABLE: the key's PKCS#11 token does not
 * answer; then `why` has a sentence for who asked, and the log a line for who
 * can mend it. */
MM_MUST_USE enum mm_err signing_jws(const struct jwk *key, const char *typ,
				    struct span payload, struct buf *out,
				    struct why *why);

/* Does the key that signs do so?  Signs something that nobody takes. */
MM_MUST_USE enum mm_err signing_probe(struct signing *s);

/* Did the last reload fail?  Then the keys in force are older than what the
 * folders say, and mintmarkd may not start with those. */
bool signing_behind(struct signing *s);

/* Visit each key with its state. */
void signing_each(struct signing *s,
		  void (*each)(void *, const struct keyring_entry *),
		  void *ctx);

#endif
