/* jwk_pem.c - private keys made, and kept as PEM: plain, or encrypted with a
 * passphrase. */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "common/jwk_internal.h"
#include "common/signature.h"

#define AUTO_BIO __attribute__((cleanup(bio_free_at)))
static void bio_free_at(BIO **b)
{
	BIO_free(*b);
}

static enum mm_err take_text(BIO *bio, struct buf *out)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);
	buf_add(out, span_of(text, n > 0 ? (size_t)n : 0));
	return out->failed;
}

/* Keep the private half as text: libjwt wants it so on each call. */
static enum mm_err keep_pem(struct jwk *k)
{
	char *text;
	AUTO_BIO BIO *bio = BIO_new(BIO_s_secmem());
	if (bio == NULL || !PEM_write_bio_PKCS8PrivateKey(bio, k->evp, NULL,
							  NULL, 0, NULL, NULL))
		return MM_ERR_CRYPTO;
	long n = BIO_get_mem_data(bio, &text);
	if (n <= 0 || (k->pem = OPENSSL_secure_malloc((size_t)n)) == NULL)
		return MM_ERR_NOMEM;
	memcpy(k->pem, text, (size_t)n);
	k->pem_len = (size_t)n;
	return MM_OK;
}

bool jwk_proves_itself(const struct jwk *k)
{
	static const char text[] = "mintmark";
	uint8_t raw[SIGNATURE_MAX];
	size_t n;
	struct span input = span_of(text, sizeof text - 1);
	return signature_make(k, input, raw, &n) == MM_OK &&
	       signature_check(k, input, span_of(raw, n)) == MM_OK;
}

/* A file holds both halves, and names itself by the public one: when a disk
 * has damaged the other, nothing else shows it before the tokens that it
 * signs do. */
static enum mm_err adopt_private(EVP_PKEY **evp, struct jwk **out,
				 struct why *why)
{
	AUTO_JWK struct jwk *k = NULL;
	TRY(jwk_adopt(evp, &k, why));
	if (!jwk_proves_itself(k))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "its private half does not sign for its public "
			       "one: it is damaged; put a good copy back, or "
			       "take it away");
	TRY(keep_pem(k));
	*out = k;
	k = NULL; /* transferred */
	return MM_OK;
}

enum mm_err jwk_generate(enum jwk_alg alg, struct jwk **out)
{
	AUTO_EVP EVP_PKEY *evp =
		alg == JWK_ES256   ? EVP_EC_gen("P-256")
		: alg == JWK_EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				   : EVP_RSA_gen(3072);
	return evp ? adopt_private(&evp, out, NULL) : MM_ERR_CRYPTO;
}

/* ---- reading ---- */

/* OpenSSL's own prompt, which it falls back to where there is no callback,
 * would hang a daemon. */
static int give_passphrase(char *to, int size, int writing, void *ctx)
{
	struct jwk_pass *pass = ctx;
	(void)writing;
	pass->asked = true;
	if (pass->text.len == 0 || pass->text.len > (size_t)size)
		return -1;
	memcpy(to, pass->text.at, pass->text.len);
	return (int)pass->text.len;
}

static enum mm_err not_read(const struct jwk_pass *pass, struct why *why)
{
	if (!pass->asked)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "not a PEM private key (PKCS#8), or not all "
			       "of one: put the whole file back (without it, "
			       "the tokens that it signed are refused for "
			       "good)");
	if (pass->text.len == 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "it is encrypted, and there is no passphrase: "
			       "say --key-passphrase-file (mintmarkd: also "
			       "its setting key_passphrase_file), or bring "
			       "the credential mintmark-keys");
	return why_say(why, MM_ERR_INVALID, NULL,
		       "the passphrase does not open it");
}

enum mm_err jwk_from_pem(struct span pem, struct jwk_pass *pass,
			 struct jwk **out, struct why *why)
{
	struct jwk_pass none = { .asked = false };
	struct jwk_pass *p = pass ? pass : &none;
	AUTO_BIO BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	if (bio == NULL)
		return MM_ERR_NOMEM;
	p->asked = false;
	ERR_set_mark();
	AUTO_EVP EVP_PKEY *evp =
		PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, p);
	ERR_pop_to_mark();
	return evp ? adopt_private(&evp, out, why) : not_read(p, why);
}

/* ---- encrypting ---- */

/* What a guess at the passphrase costs: scrypt (RFC 7914) with 16 MiB, five
 * times over; some 0.2 s.  More memory is over OpenSSL's limit. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5

static void info_free_at(PKCS8_PRIV_KEY_INFO **p)
{
	PKCS8_PRIV_KEY_INFO_free(*p);
}
static void sealed_free_at(X509_SIG **s)
{
	X509_SIG_free(*s);
}
#define AUTO_INFO   __attribute__((cleanup(info_free_at)))
#define AUTO_SEALED __attribute__((cleanup(sealed_free_at)))

static X509_SIG *seal(PKCS8_PRIV_KEY_INFO *info, struct span passphrase)
{
	X509_ALGOR *how =
		PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 16, NULL,
				      SCRYPT_N, SCRYPT_R, SCRYPT_P);
	X509_SIG *sealed = how ? PKCS8_set0_pbe((const char *)passphrase.at,
						(int)passphrase.len, info, how)
			       : NULL;
	if (sealed == NULL)
		X509_ALGOR_free(how); /* else it is the seal's */
	return sealed;
}

enum mm_err jwk_pem_encrypt(const struct jwk *k, struct span passphrase,
			    struct buf *out)
{
	MM_ASSERT(k->pem_len != 0 && passphrase.len != 0);
	AUTO_INFO PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->evp);
	AUTO_SEALED X509_SIG *sealed = info ? seal(info, passphrase) : NULL;
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());
	if (sealed == NULL || bio == NULL || !PEM_write_bio_PKCS8(bio, sealed))
		return MM_ERR_CRYPTO;
	return take_text(bio, out);
}
