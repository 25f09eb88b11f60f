/* http_public.c - a listener's address, certificate and key. */
#include "common/http_public.h"

#include <sys/stat.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loopback.h"
#include "common/settings.h"
#include "common/tls_pair.h"

#define PEM_MAX (1u << 20)
#define UNIX	"unix:"

enum mm_err http_unix_path(const char *name, const char *listen,
			   const char **out, struct why *why)
{
	bool local = strncmp(listen, UNIX, strlen(UNIX)) == 0;
	const char *path = local ? listen + strlen(UNIX) : listen;
	*out = path[0] == '/' ? path : NULL;
	if (local && *out == NULL)
		return why_say(why, MM_ERR_INVALID, name,
			       "--%s %s: the path must begin with /", name,
			       listen);
	return MM_OK;
}

enum mm_err http_public_check(const struct http_public *p, struct why *why)
{
	char host[256];
	uint16_t port;
	TRY(address_read(p->listen, host, &port, why));
	bool tls = p->tls_cert[0] != '\0';
	if (tls != (p->tls_key[0] != '\0'))
		return why_say(why, MM_ERR_INVALID, "tls_cert",
			       "tls_cert and tls_key go together");
	if (!tls && !p->behind_proxy && !host_is_loopback(host))
		return why_say(why, MM_ERR_INVALID, p->name,
			       "%s can be reached from other hosts: give "
			       "tls_cert and tls_key, or say behind_proxy = "
			       "true if a TLS proxy stands in front",
			       p->listen);
	return MM_OK;
}

static enum mm_err read_pem(const char *path, struct buf *b, const char **out,
			    struct why *why)
{
	struct span text;
	*out = NULL;
	if (path[0] == '\0')
		return MM_OK;
	TRY(buf_read_others_file(b, path, true, why)); /* no pipe: it waits */
	TRY(buf_done(b, &text));
	*out = (const char *)text.at;
	return MM_OK;
}

/* A group may read it, as Debian's ssl-cert does. */
static enum mm_err check_tls_key(const char *path, struct why *why)
{
	struct stat st;
	if (path[0] == '\0' || stat(path, &st) != 0 ||
	    (st.st_mode & (S_IWGRP | S_IRWXO)) == 0)
		return MM_OK; /* what is not there is said when it is read */
	return why_say(why, MM_ERR_INVALID, "tls_key",
		       "others can read %s: chmod 600 it, and replace the "
		       "key if they may have",
		       path);
}

static struct tls_pair pair_of(const struct http_public *p,
			       const struct http_options *to)
{
	return (struct tls_pair){ to->tls_cert, to->tls_key, p->tls_cert,
				  p->tls_key };
}

enum mm_err http_public_fill(const struct http_public *p,
			     struct http_public_texts *t,
			     struct http_options *to, struct why *why)
{
	t->cert = buf_new(PEM_MAX);
	t->key = buf_new(PEM_MAX);
	TRY(address_read(p->listen, t->host, &to->port, why));
	to->host = t->host;
	to->behind_proxy = p->behind_proxy;
	TRY(check_tls_key(p->tls_key, why));
	TRY(read_pem(p->tls_cert, &t->cert, &to->tls_cert, why));
	TRY(read_pem(p->tls_key, &t->key, &to->tls_key, why));
	if (to->tls_cert == NULL || to->tls_key == NULL)
		return MM_OK;
	const struct tls_pair pair = pair_of(p, to);
	return tls_pair_check(&pair, why);
}

enum mm_err http_public_try(const struct http_public *p, struct why *why)
{
	AUTO_PUBLIC struct http_public_texts texts = { .host = "" };
	struct http_options to = { .host = NULL };
	struct why untimely = { .text = "" };
	TRY(http_public_fill(p, &texts, &to, why));
	const struct tls_pair pair = pair_of(p, &to);
	if (to.tls_cert != NULL &&
	    tls_pair_untimely(&pair, clock_now(), &untimely))
		log_event(LOG_WARNING, "tls.certificate", "detail=%s",
			  untimely.text);
	return MM_OK;
}

void http_public_free(struct http_public_texts *t)
{
	buf_free(&t->cert);
	buf_free(&t->key);
}
