/* fetch.c - the one file of the verifier that knows libcurl. */
#include "verifier/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>

#include "common/loopback.h"

#define CONNECT_MS 5000L

struct fetch {
	CURLM *multi; /* keeps the connection between requests */
	CURL *easy;
	atomic_bool stop;
	struct buf *body; /* of the running request */
	char error[CURL_ERROR_SIZE];
};

/* ---- life ---- */

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct fetch *fetch_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);

	struct fetch *f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	f->multi = curl_multi_init();
	f->easy = curl_easy_init();
	if (f->multi != NULL && f->easy != NULL)
		return f;
	fetch_free(f);
	return NULL;
}

void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->easy);
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	free(f);
}

void fetch_cancel(struct fetch *f)
{
	atomic_store(&f->stop, true);
	curl_multi_wakeup(f->multi);
}

/* ---- where to ---- */

struct url_parts {
	CURLU *url;
	char *scheme, *host, *user;
};

static void url_parts_free(struct url_parts *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->user);
	curl_url_cleanup(p->url);
}
#define AUTO_URL __attribute__((cleanup(url_parts_free)))

static bool url_split(const char *text, struct url_parts *p)
{
	p->url = curl_url();
	if (p->url == NULL || curl_url_set(p->url, CURLUPART_URL, text, 0) ||
	    curl_url_get(p->url, CURLUPART_SCHEME, &p->scheme, 0) ||
	    curl_url_get(p->url, CURLUPART_HOST, &p->host, 0))
		return false;
	(void)curl_url_get(p->url, CURLUPART_USER, &p->user, 0);
	return true;
}

enum mm_err fetch_check_url(const char *url, struct why *why)
{
	AUTO_URL struct url_parts p = { NULL, NULL, NULL, NULL };
	if (!url_split(url, &p) || p.user != NULL)
		return why_say(why, MM_ERR_INVALID, "issuer",
			       "%.200s is no address of an issuer: use "
			       "https://HOST, as its tokens say it in iss",
			       url);
	if (!strcmp(p.scheme, "https") ||
	    (!strcmp(p.scheme, "http") && host_is_loopback(p.host)))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "issuer",
		       "%.200s would carry tokens in the clear: use https:// "
		       "(plain http only to this host itself)",
		       url);
}

/* ---- one request ---- */

static size_t take_body(char *at, size_t one, size_t n, void *ctx)
{
	struct fetch *f = ctx;
	buf_add(f->body, span_of(at, one * n));
	return f->body->failed == MM_OK ? one * n : 0;
}

/* A line of the answer's head. */
static size_t take_header(char *at, size_t one, size_t n, void *ctx)
{
	struct buf *via = ctx;
	struct span line = span_of(at, one * n);
	if (line.len > 4 && strncasecmp(at, "Via:", 4) == 0)
		buf_add(via, span_of(at + 4, line.len - 4));
	return one * n;
}

/* Every option's result in one: the first that failed. */
static bool set_common(struct fetch *f, const struct fetch_request *rq)
{
	CURL *c = f->easy;
	CURLcode e = CURLE_OK;
	curl_easy_reset(c);
	f->error[0] = '\0';
#define SET(option, value)                                                     \
	(e = e != CURLE_OK ? e : curl_easy_setopt(c, (option), (value)))
	SET(CURLOPT_ERRORBUFFER, f->error);
	SET(CURLOPT_URL, rq->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (strncmp(rq->url, "http:", 5) == 0) /* this host: never a proxy */
		SET(CURLOPT_PROXY, "");
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, rq->timeout_ms);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->body->limit);
	SET(CURLOPT_USERAGENT, "mintmark/" MM_VERSION);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, f);
	if (rq->via != NULL) {
		SET(CURLOPT_HEADERFUNCTION, take_header);
		SET(CURLOPT_HEADERDATA, rq->via);
	}
	if (rq->bearer != NULL) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, rq->bearer);
	}
	if (rq->post.at != NULL) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->post.len);
		SET(CURLOPT_POSTFIELDS, rq->post.at);
	}
#undef SET
	return e == CURLE_OK;
}

/* Until it is done or broken off. */
static CURLcode drive(struct fetch *f)
{
	int running = 1, left;
	while (running && !atomic_load(&f->stop)) {
		if (curl_multi_perform(f->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running &&
		    curl_multi_poll(f->multi, NULL, 0, 1000, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
	const CURLMsg *m = curl_multi_info_read(f->multi, &left);
	return m != NULL && m->msg == CURLMSG_DONE ? m->data.result
						   : CURLE_ABORTED_BY_CALLBACK;
}

static enum mm_err judge(struct fetch *f, const struct fetch_request *rq,
			 CURLcode e, struct why *why)
{
	if (e == CURLE_FILESIZE_EXCEEDED || f->body->failed == MM_ERR_TOO_LARGE)
		return why_say(why, MM_ERR_TOO_LARGE, NULL,
			       "%.200s: the answer is longer than %zu bytes",
			       rq->url, f->body->limit);
	if (f->body->failed != MM_OK)
		return f->body->failed;
	if (e != CURLE_OK)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL, "%.200s: %.100s",
			       rq->url,
			       f->error[0] ? f->error : curl_easy_strerror(e));
	return MM_OK;
}

enum mm_err fetch_run(struct fetch *f, const struct fetch_request *rq,
		      struct buf *body, unsigned *status, struct why *why)
{
	long code = 0;
	TRY(fetch_check_url(rq->url, why));
	struct curl_slist *json =
		curl_slist_append(NULL, "Content-Type: application/json");
	if (json == NULL)
		return MM_ERR_NOMEM;
	f->body = body;
	CURLcode e = CURLE_OUT_OF_MEMORY;
	if (set_common(f, rq) &&
	    (rq->post.at == NULL ||
	     curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, json) == CURLE_OK) &&
	    curl_multi_add_handle(f->multi, f->easy) == CURLM_OK) {
		e = drive(f);
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &code);
		curl_multi_remove_handle(f->multi, f->easy);
	}
	/* The easy handle still points at what is the caller's. */
	curl_easy_reset(f->easy);
	curl_slist_free_all(json);
	*status = (unsigned)code;
	return judge(f, rq, e, why);
}
