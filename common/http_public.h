/* http_public.h - a TCP listener as a program's settings say it: at loopback
 * in plain HTTP, anywhere else with TLS, its own or a proxy's in front. */
#ifndef MM_COMMON_HTTP_PUBLIC_H
#define MM_COMMON_HTTP_PUBLIC_H

#include "common/http.h"

/* The path of a listener "unix:/PATH"; *out NULL: it is none.  MM_ERR_INVALID:
 * it does not begin with a slash.  `name` as below. */
MM_MUST_USE enum mm_err http_unix_path(const char *name, const char *listen,
				       const char **out, struct why *why);

/* The settings, which are to stay until http_public_fill() has returned. */
struct http_public {
	const char *name;		/* of the setting: "listen" */
	const char *listen;		/* HOST:PORT */
	const char *tls_cert, *tls_key; /* PEM files; "": none */
	bool behind_proxy;
};

/* What http_options points at, until http_start() has returned. */
struct http_public_texts {
	char host[256];
	struct buf cert, key;
};
void http_public_free(struct http_public_texts *t); /* wipes the key */
#define AUTO_PUBLIC __attribute__((cleanup(http_public_free)))

/* Do they go together?  MM_ERR_INVALID with a sentence.  No file is read. */
MM_MUST_USE enum mm_err http_public_check(const struct http_public *p,
					  struct why *why);
/* Read the files, and set host, port, tls_* and behind_proxy of *to; *t is
 * freed by the caller, whatever this returns.  MM_ERR_INVALID: others can read
 * the key, or it is not the certificate's; MM_ERR_NOT_FOUND, MM_ERR_IO. */
MM_MUST_USE enum mm_err http_public_fill(const struct http_public *p,
					 struct http_public_texts *t,
					 struct http_options *to,
					 struct why *why);
/* Would that succeed?  For --test, and before anything is made.  A certificate
 * that has ended, or not begun, is logged (tls.certificate). */
MM_MUST_USE enum mm_err http_public_try(const struct http_public *p,
					struct why *why);

#endif
