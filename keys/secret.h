/* secret.h - what opens the keys: a passphrase, a PIN.
 *
 * Read from their files when a keyring is, and wiped when that is done: a
 * change of the file counts at the next reload, and nothing has to be kept
 * in memory.  A systemd credential stands in for a file that is not named:
 * $CREDENTIALS_DIRECTORY/mintmark-keys and mintmark-pin.
 */
#ifndef MM_KEYS_SECRET_H
#define MM_KEYS_SECRET_H

#include "common/error.h"
#include "common/span.h"

#define SECRET_SIZE 1024 /* OpenSSL takes no more of a passphrase */

#define CREDENTIAL_KEYS "mintmark-keys"
#define CREDENTIAL_PIN	"mintmark-pin"

struct secret {
	char text[SECRET_SIZE];
	size_t len; /* 0: there is none */
};

/* Read `path`, whose one line it is and which nobody else may read; where
 * path is "" or NULL, the credential, which may be missing. */
MM_MUST_USE enum mm_err secret_read(const char *path, const char *credential,
				    struct secret *out, struct why *why);
void secret_wipe(struct secret *s);
#define AUTO_SECRET __attribute__((cleanup(secret_wipe)))

static inline struct span secret_span(const struct secret *s)
{
	return span_of(s->text, s->len);
}

#endif
