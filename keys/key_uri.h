/* key_uri.h - the line of a KID.uri file: where a key is that stays in its
 * PKCS#11 token (RFC 7512). */
#ifndef MM_KEYS_KEY_URI_H
#define MM_KEYS_KEY_URI_H

#include "keys/secret.h"

#define KEY_URI_SIZE 1024

struct key_uri {
	char line[KEY_URI_SIZE];     /* as it is kept */
	char uri[KEY_URI_SIZE];	     /* without pin-source: for OpenSSL */
	char pin_file[KEY_URI_SIZE]; /* "": the credential mintmark-pin */
};

/* One "pkcs11:" URI, with or without the end of its line.  Refuses a PIN in
 * it, and a pin-source that is no file. */
MM_MUST_USE enum mm_err key_uri_read(struct span text, struct key_uri *out,
				     struct why *why);

#endif
