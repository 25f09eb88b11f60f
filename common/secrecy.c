/* secrecy.c - no dumps, locked memory for keys, and nothing left in what is
 * freed. */
#include "common/secrecy.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* 32 keys of RSA, and as many of them being read again for libjwt, take half
 * of it: what finds no room there is not made at all. */
#define SECURE_HEAP  ((size_t)1 << 20)
#define SECURE_LEAST ((size_t)32) /* a P-256 or Ed25519 private key */

void secrecy_of_process(void)
{
	const struct rlimit none = { 0, 0 };
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	(void)setrlimit(RLIMIT_CORE, &none);
}

/* ---- memory that is wiped ---- */

void wiped_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc() would leave the old place as it was. */
void *wiped_realloc(void *p, size_t n)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *to = malloc(n);
	if (to == NULL)
		return NULL;
	if (p != NULL)
		memcpy(to, p, had < n ? had : n);
	wiped_free(p);
	return to;
}

/* ---- OpenSSL's ---- */

static void *ssl_malloc(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(n);
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return wiped_realloc(p, n);
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	wiped_free(p);
}

enum secrecy secrecy_of_keys(void)
{
	if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free))
		return SECRECY_NONE;
	switch (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST)) {
	case 1:
		return SECRECY_LOCKED;
	case 2:
		return SECRECY_NOT_LOCKED;
	default:
		return SECRECY_NONE;
	}
}
