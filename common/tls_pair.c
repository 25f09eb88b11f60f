/* tls_pair.c - does a TLS key belong to its certificate, and is that good now?
 */
#include "common/tls_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "common/duration.h"

static void bio_free_at(BIO **b)
{
	BIO_free(*b);
}
static void x509_free_at(X509 **x)
{
	X509_free(*x);
}
static void evp_free_at(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define AUTO_BIO  __attribute__((cleanup(bio_free_at)))
#define AUTO_X509 __attribute__((cleanup(x509_free_at)))
#define AUTO_EVP  __attribute__((cleanup(evp_free_at)))

/* Nobody is there to be asked for one. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static enum mm_err say_no_key(const struct tls_pair *p, bool sealed,
			      struct why *why)
{
	if (sealed)
		return why_say(why, MM_ERR_INVALID, "tls_key",
			       "the key in %s has a passphrase: write it "
			       "without (openssl pkey), for who serves alone "
			       "to read",
			       p->key_file);
	return why_say(why, MM_ERR_INVALID, "tls_key",
		       "there is no private key in %s, in PEM", p->key_file);
}

enum mm_err tls_pair_check(const struct tls_pair *p, struct why *why)
{
	bool sealed = false;
	AUTO_BIO BIO *certs = BIO_new_mem_buf(p->cert, -1);
	AUTO_BIO BIO *keys = BIO_new_mem_buf(p->key, -1);
	if (certs == NULL || keys == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	AUTO_X509 X509 *cert = PEM_read_bio_X509(certs, NULL, NULL, NULL);
	AUTO_EVP EVP_PKEY *key =
		PEM_read_bio_PrivateKey(keys, NULL, no_passphrase, &sealed);
	bool pair = cert != NULL && key != NULL &&
		    X509_check_private_key(cert, key) == 1;
	ERR_clear_error();
	if (cert == NULL)
		return why_say(why, MM_ERR_INVALID, "tls_cert",
			       "there is no certificate in %s, in PEM",
			       p->cert_file);
	if (key == NULL)
		return say_no_key(p, sealed, why);
	if (!pair)
		return why_say(why, MM_ERR_INVALID, "tls_key",
			       "the key in %s is not that of the first "
			       "certificate in %s, which is to be this "
			       "server's own",
			       p->key_file, p->cert_file);
	return MM_OK;
}

/* ---- its time ---- */

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static X509 *read_cert(const char *pem)
{
	AUTO_BIO BIO *certs = BIO_new_mem_buf(pem, -1);
	X509 *cert = certs ? PEM_read_bio_X509(certs, NULL, NULL, NULL) : NULL;
	ERR_clear_error();
	return cert;
}

bool tls_pair_untimely(const struct tls_pair *p, int64_t now, struct why *why)
{
	AUTO_X509 X509 *cert = read_cert(p->cert);
	char date[32];
	if (cert == NULL)
		return false;
	int64_t begins = seconds_of(X509_get0_notBefore(cert));
	int64_t ends = seconds_of(X509_get0_notAfter(cert));
	date_write(date, now < begins ? begins : ends);
	if (now < begins)
		(void)why_say(why, MM_ERR_INVALID, "tls_cert",
			      "the certificate in %s is not good before %s: "
			      "until then clients refuse it, or this host's "
			      "clock is behind (timedatectl status)",
			      p->cert_file, date);
	else if (now > ends)
		(void)why_say(
			why, MM_ERR_INVALID, "tls_cert",
			"the certificate in %s ended at %s, and clients "
			"refuse it: renew it (certbot renew, or as it was "
			"made), and restart what serves it",
			p->cert_file, date);
	return now < begins || now > ends;
}
