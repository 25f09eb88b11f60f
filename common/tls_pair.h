/* tls_pair.h - a certificate and its key, looked at before they are served: the
 * library that serves them says only that they will not do. */
#ifndef MM_COMMON_TLS_PAIR_H
#define MM_COMMON_TLS_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* PEM, and the files that it was read from, for the sentence. */
struct tls_pair {
	const char *cert, *key;
	const char *cert_file, *key_file;
};

/* MM_ERR_INVALID with a sentence: no certificate, no key that opens without a
 * passphrase, or not that certificate's. */
MM_MUST_USE enum mm_err tls_pair_check(const struct tls_pair *p,
				       struct why *why);

/* Of a pair that is one: is the certificate none that a client takes `now`?
 * True, with the sentence: it has ended, or not begun.  No reason not to serve:
 * this host's clock may be the one that is wrong, and what stops is not what
 * was served well. */
bool tls_pair_untimely(const struct tls_pair *p, int64_t now, struct why *why);

#endif
