/* probe.h - one GET of anybody's address, with no token and no key of ours:
 * what came back, when its host says it is, and until when its certificate
 * is good.  Nothing is followed, and nothing that answers is believed.
 */
#ifndef MM_CLI_PROBE_H
#define MM_CLI_PROBE_H

#include "common/buf.h"

#define PROBE_MS   3000L
#define PROBE_BODY (256u << 10) /* what is behind that is not read */

struct probe {
	const char *url;
	const char *socket;	    /* a Unix socket to it, or NULL */
	const char *const *headers; /* "Name: value", NULL-ended; or NULL */
	bool connect_only;	    /* does anybody listen there? */

	long status;
	int64_t took;	   /* ms */
	int64_t clock_off; /* s that our clock is ahead of its Date; or */
	bool has_date;	   /* nobody knows */
	int64_t cert_end;  /* 0: no TLS */
	bool bearer, basic, reason; /* challenges; X-Mintmark-Reason */
	struct buf body;	    /* the caller's to free */
};

/* Ask, at most PROBE_MS.  MM_ERR_UNAVAILABLE, with the sentence: no answer. */
MM_MUST_USE enum mm_err probe_run(struct probe *p, struct why *why);

/* An address to ask?  "http://" or "https://" and a host, without a name or
 * password in it; *local: it is this very host. */
bool probe_url_good(const char *url, bool *local);

static inline void probe_end(struct probe *p)
{
	buf_free(&p->body);
}
#define AUTO_PROBE __attribute__((cleanup(probe_end)))

#endif
