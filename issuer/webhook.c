/* webhook.c - one POST to somebody else's URL. */
#include "issuer/webhook.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/loopback.h"

#define CONNECT_MS 5000L
#define TOTAL_MS   10000L
#define HOST_SIZE  256

struct webhook {
	CURL *curl; /* keeps the connection between posts */
	char *url;
	char host[HOST_SIZE];
	atomic_bool stop;
};

/* ---- where to ---- */

struct parts {
	CURLU *url;
	char *scheme, *host;
};

static void parts_free(struct parts *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_url_cleanup(p->url);
}
#define AUTO_PARTS __attribute__((cleanup(parts_free)))

static bool split(const char *url, struct parts *p)
{
	p->url = curl_url();
	return p->url != NULL &&
	       curl_url_set(p->url, CURLUPART_URL, url, 0) == CURLUE_OK &&
	       curl_url_get(p->url, CURLUPART_SCHEME, &p->scheme, 0) ==
		       CURLUE_OK &&
	       curl_url_get(p->url, CURLUPART_HOST, &p->host, 0) == CURLUE_OK;
}

enum mm_err webhook_check(const char *url, struct why *why)
{
	AUTO_PARTS struct parts p = { NULL, NULL, NULL };
	if (split(url, &p) && strlen(p.host) < HOST_SIZE &&
	    (strcmp(p.scheme, "https") == 0 ||
	     (strcmp(p.scheme, "http") == 0 && host_is_loopback(p.host))))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "warn_webhook",
		       "warn_webhook must be an https:// URL (http:// is for "
		       "127.0.0.1 and localhost only)");
}

/* ---- life ---- */

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct webhook *webhook_new(const char *url)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	AUTO_PARTS struct parts p = { NULL, NULL, NULL };
	pthread_once(&once, init_curl);
	struct webhook *w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	w->curl = curl_easy_init();
	w->url = strdup(url);
	if (w->curl != NULL && w->url != NULL && split(url, &p) &&
	    span_copy(w->host, HOST_SIZE, span_str(p.host)))
		return w;
	webhook_free(w);
	return NULL;
}

void webhook_free(struct webhook *w)
{
	if (w == NULL)
		return;
	curl_easy_cleanup(w->curl);
	if (w->url != NULL)
		explicit_bzero(w->url, strlen(w->url));
	free(w->url);
	free(w);
}

void webhook_abort(struct webhook *w)
{
	atomic_store(&w->stop, true);
}

/* ---- one post ---- */

/* What the other side has to say beside its status is not read. */
static size_t forget(char *at, size_t one, size_t n, void *ctx)
{
	(void)at;
	(void)ctx;
	return one * n;
}

/* curl asks at least once a second. */
static int is_stopped(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c,
		      curl_off_t d)
{
	const struct webhook *w = ctx;
	(void)a, (void)b, (void)c, (void)d;
	return atomic_load(&w->stop) ? 1 : 0;
}

/* Every option's result in one: the first that failed. */
static CURLcode set_up(struct webhook *w, const struct curl_slist *headers,
		       struct span body)
{
	CURLcode e = CURLE_OK;
	curl_easy_reset(w->curl);
#define SET(option, value)                                                     \
	(e = e != CURLE_OK ? e : curl_easy_setopt(w->curl, (option), (value)))
	SET(CURLOPT_URL, w->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (strncmp(w->url, "http:", 5) == 0) /* this host: never a proxy */
		SET(CURLOPT_PROXY, "");
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, TOTAL_MS);
	SET(CURLOPT_USERAGENT, "mintmark/" MM_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
	SET(CURLOPT_POSTFIELDS, body.at);
	SET(CURLOPT_WRITEFUNCTION, forget);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, is_stopped);
	SET(CURLOPT_XFERINFODATA, w);
#undef SET
	return e;
}

static enum mm_err judge(const struct webhook *w, CURLcode code, long status,
			 struct why *why)
{
	if (code != CURLE_OK)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL, "%s: %s", w->host,
			       curl_easy_strerror(code));
	if (status >= 200 && status <= 299)
		return MM_OK;
	bool later = status >= 500 || status == 408 || status == 429;
	return why_say(why, later ? MM_ERR_UNAVAILABLE : MM_ERR_CONFLICT, NULL,
		       "%s answered %ld", w->host, status);
}

enum mm_err webhook_post(struct webhook *w, const char *type, struct span body,
			 struct why *why)
{
	char header[128];
	long status = 0;
	snprintf(header, sizeof header, "Content-Type: %s", type);
	struct curl_slist *headers = curl_slist_append(NULL, header);
	if (headers == NULL)
		return MM_ERR_NOMEM;
	CURLcode code = set_up(w, headers, body);
	if (code == CURLE_OK)
		code = curl_easy_perform(w->curl);
	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	/* The handle still points at what is the caller's. */
	curl_easy_reset(w->curl);
	curl_slist_free_all(headers);
	return judge(w, code, status, why);
}
