/* jwk_pem.c - private keys made, and kept as PEM. */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/jwk_internal.h"

static void bio_free_at(BIO **b)
{
	BIO_free(*b);
}
#define AUTO_BIO __attribute__((cleanup(bio_free_at)))

/* Keep the private half as text: libjwt wants it so on each call. */
static enum mm_err keep_pem(struct jwk *k)
{
	char *text;
	AUTO_BIO BIO *bio = BIO_new(BIO_s_secmem());
	if (bio == NULL || !PEM_write_bio_PKCS8PrivateKey(bio, k->evp, NULL,
							  NULL, 0, NULL, NULL))
		return MM_ERR_CRYPTO;
	long n = BIO_get_mem_data(bio, &text);
	struct span pem;
	buf_add(&k->pem, span_of(text, (size_t)n));
	return buf_done(&k->pem, &pem);
}

enum mm_err jwk_generate(enum jwk_alg alg, struct jwk **out)
{
	AUTO_EVP EVP_PKEY *evp =
		alg == JWK_ES256   ? EVP_EC_gen("P-256")
		: alg == JWK_EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				   : EVP_RSA_gen(3072);
	if (evp == NULL)
		return MM_ERR_CRYPTO;

	AUTO_JWK struct jwk *k = NULL;
	TRY(jwk_adopt(&evp, &k, NULL));
	TRY(keep_pem(k));
	*out = k;
	k = NULL;
	return MM_OK;
}

/* A passphrase prompt would hang a daemon: there is none to give. */
static int no_passphrase(char *to, int size, int writing, void *ctx)
{
	(void)to, (void)size, (void)writing, (void)ctx;
	return -1;
}

enum mm_err jwk_from_pem(struct span pem, struct jwk **out, struct why *why)
{
	AUTO_BIO BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	if (bio == NULL)
		return MM_ERR_NOMEM;
	AUTO_EVP EVP_PKEY *evp =
		PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (evp == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "not a PEM private key (PKCS#8, without a "
			       "passphrase)");

	AUTO_JWK struct jwk *k = NULL;
	TRY(jwk_adopt(&evp, &k, why));
	TRY(keep_pem(k));
	*out = k;
	k = NULL;
	return MM_OK;
}
