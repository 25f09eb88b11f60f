/* probe.c - see probe.h; libcurl asks. */
#include "cli/probe.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

#include "common/clock.h"
#include "common/loopback.h"

struct handle {
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
};

static void handle_free(struct handle *h)
{
	curl_slist_free_all(h->headers);
	curl_easy_cleanup(h->curl);
}
#define AUTO_HANDLE __attribute__((cleanup(handle_free)))

/* ---- what comes back ---- */

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct probe *p = ctx;
	size_t room = p->body.limit - p->body.len;
	size_t len = size * n;
	buf_add(&p->body, span_of(data, len < room ? len : room));
	return p->body.len < p->body.limit ? len : 0;
}

/* The value of a header line of that name, or NULL. */
static const char *value_of(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);
	return len > n && strncasecmp(line, name, n) == 0 && line[n] == ':'
		       ? line + n + 1
		       : NULL;
}

static void take_challenge(struct probe *p, const char *value)
{
	p->bearer = p->bearer || strcasestr(value, "Bearer") != NULL;
	p->basic = p->basic || strcasestr(value, "Basic") != NULL;
}

static void take_date(struct probe *p, const char *value)
{
	time_t date = curl_getdate(value, NULL);
	p->has_date = date > 0;
	p->clock_off = clock_now() - (int64_t)date;
}

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
	struct probe *p = ctx;
	char line[512];
	size_t len = size * n;
	snprintf(line, sizeof line, "%.*s", (int)(len < 511 ? len : 511), data);
	const char *value = value_of(line, len, "WWW-Authenticate");
	if (value != NULL)
		take_challenge(p, value);
	value = value_of(line, len, "Date");
	if (value != NULL)
		take_date(p, value);
	p->reason = p->reason || value_of(line, len, "X-Mintmark-Reason");
	return len;
}

static int64_t cert_end_of(CURL *curl)
{
	static const char name[] = "Expire date:";
	struct curl_certinfo *all = NULL;
	curl_easy_getinfo(curl, CURLINFO_CERTINFO, &all);
	if (all == NULL || all->num_of_certs < 1)
		return 0;
	for (const struct curl_slist *l = all->certinfo[0]; l; l = l->next)
		if (strncmp(l->data, name, strlen(name)) == 0)
			return (int64_t)curl_getdate(l->data + strlen(name),
						     NULL);
	return 0;
}

/* ---- asking ---- */

static void aim(struct probe *p, struct handle *h)
{
	CURL *c = h->curl;
	for (size_t i = 0; p->headers != NULL && p->headers[i] != NULL; i++)
		h->headers = curl_slist_append(h->headers, p->headers[i]);
	curl_easy_setopt(c, CURLOPT_URL, p->url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, p->connect_only ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, PROBE_MS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "mintmark-doctor/" MM_VERSION);
	curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, p);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (p->socket == NULL)
		return;
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, p->socket);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
}

/* Of a socket libcurl says that port 80 could not be connected to. */
static enum mm_err say_away(const struct probe *p, const struct handle *h,
			    CURLcode code, struct why *why)
{
	long os = 0;
	const char *what = h->error[0] ? h->error : curl_easy_strerror(code);
	curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os != 0)
		what = strerror((int)os);
	return why_say(why, MM_ERR_UNAVAILABLE, NULL, "no answer at %s: %s",
		       p->socket ? p->socket : p->url, what);
}

enum mm_err probe_run(struct probe *p, struct why *why)
{
	AUTO_HANDLE struct handle h = { .error = "" };
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h.curl = curl_easy_init();
	if (h.curl == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	p->body = buf_new(PROBE_BODY);
	int64_t begun = clock_ms();
	aim(p, &h);
	CURLcode code = curl_easy_perform(h.curl);
	p->took = clock_ms() - begun;
	curl_easy_getinfo(h.curl, CURLINFO_RESPONSE_CODE, &p->status);
	p->cert_end = cert_end_of(h.curl);
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && p->status != 0))
		return MM_OK;
	return say_away(p, &h, code, why);
}

/* ---- addresses ---- */

static void free_url(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void free_part(char **text)
{
	curl_free(*text);
}
#define AUTO_PART __attribute__((cleanup(free_part)))

bool probe_url_good(const char *url, bool *local)
{
	__attribute__((cleanup(free_url))) CURLU *u = curl_url();
	AUTO_PART char *scheme = NULL, *host = NULL, *user = NULL;
	if (u == NULL || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		return false;
	*local = host_is_loopback(host);
	return strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0;
}
