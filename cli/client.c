/* client.c - HTTP to the mint: over its Unix socket, or over a URL with a
 * token.  No redirect is followed, so the token goes where it was meant to.
 */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/client_why.h"
#include "cli/output.h"
#include "cli/place.h"
#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_heap.h"

#define REPLY_MAX   (64u << 20)
#define PATIENCE_MS 5000 /* people start mintmarkd and go on at once */
#define PAUSE_MS    100
#define CALL_MS	    60000L
#define CONNECT_MS  5000L

/* ---- opening ---- */

static enum mm_err start(struct client *c, struct why *why)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->curl = curl_easy_init();
	return c->curl ? MM_OK
		       : why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
}

/* It may be mistyped; or its first mintmarkd was started just now. */
static void say_no_folder(const char *data)
{
	if (access(data, F_OK) == 0 || errno != ENOENT)
		return;
	fputs("mintmark: there is no folder ", stderr);
	put_text(stderr, data);
	fputs(": waiting for a mintmarkd that makes it\n", stderr);
}

enum mm_err client_open(struct client *c, const char *data, struct why *why)
{
	*c = (struct client){ .patience = PATIENCE_MS };
	if (data != NULL)
		say_no_folder(data);
	TRY(place_find(c, data, why));
	return start(c, why);
}

enum mm_err client_open_self(struct client *c, struct why *why)
{
	*c = (struct client){ .patience = PATIENCE_MS };
	TRY(place_find_self(c, why));
	return start(c, why);
}

enum mm_err client_open_data(struct client *c, const char *data,
			     struct why *why)
{
	*c = (struct client){ .patience = 0 };
	TRY(place_find_data(c, data, why));
	return start(c, why);
}

void client_hurry(struct client *c, int64_t seconds)
{
	c->until = clock_ms() + seconds * 1000;
}

void client_close(struct client *c)
{
	curl_easy_cleanup(c->curl);
}

enum mm_err client_once(struct client *c, struct why *why)
{
	uint8_t random[16];
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return why_say(why, MM_ERR_IO, NULL,
			       "the system gives no random bytes: %s",
			       strerror(errno));
	size_t n = base64url_encode(span_of(random, sizeof random), c->once,
				    sizeof c->once - 1);
	c->once[n] = '\0';
	return MM_OK;
}

/* ---- one call ---- */

static void free_text(char **text)
{
	free(*text);
}
#define AUTO_TEXT __attribute__((cleanup(free_text)))

struct slist {
	struct curl_slist *at;
};

static void slist_free(struct slist *s)
{
	curl_slist_free_all(s->at);
}
#define AUTO_SLIST __attribute__((cleanup(slist_free)))

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
	struct buf *reply = ctx;
	buf_add(reply, span_of(data, size * n));
	return reply->failed == MM_OK ? size * n : 0;
}

static long time_left(const struct client *c)
{
	int64_t left = c->until ? c->until - clock_ms() : CALL_MS;
	return left < 1 ? 1 : left < CALL_MS ? (long)left : CALL_MS;
}

static void aim(const struct client *c, const char *url)
{
	CURL *h = c->curl;
	curl_easy_reset(h);
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, time_left(c));
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "mintmark/" MM_VERSION);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(h, CURLOPT_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (c->socket[0] != '\0') {
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
		curl_easy_setopt(h, CURLOPT_PROXY, "");
		return;
	}
	curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
	curl_easy_setopt(h, CURLOPT_XOAUTH2_BEARER, place_token());
}

static void load(const struct client *c, const char *method, const char *body,
		 struct slist *headers)
{
	CURL *h = c->curl;
	bool has_body = body != NULL;
	char key[64];
	headers->at = curl_slist_append(
		NULL,
		has_body ? "Content-Type: application/json" : "Content-Type:");
	snprintf(key, sizeof key, "Idempotency-Key: %s", c->once);
	if (c->once[0] != '\0')
		headers->at = curl_slist_append(headers->at, key);
	if (has_body || strcmp(method, "POST") == 0)
		curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS,
				 has_body ? body : "");
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers->at);
}

/* Send, and again while the mint is starting: a call that found nobody has
 * done nothing, so it can be made again. */
static CURLcode send_patiently(const struct client *c)
{
	struct timespec pause = { 0, PAUSE_MS * 1000000L };
	int64_t end = clock_ms() + c->patience;
	for (;;) {
		CURLcode code = curl_easy_perform(c->curl);
		long os = 0;
		curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os);
		if (code != CURLE_COULDNT_CONNECT || os == EACCES ||
		    clock_ms() >= end)
			return code;
		nanosleep(&pause, NULL);
	}
}

/* It was sent, or may have been, and no answer came back: the mint went
 * down, or the way to it did. */
static bool answer_lost(CURLcode code)
{
	return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
	       code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE ||
	       code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM;
}

/* Nor is this one of the mint's: of a proxy, whose connection to it broke. */
static bool is_of_proxy(const struct client *c)
{
	long status = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	return status == 502 || status == 504;
}

/* Only what carries a key may be sent again: it is done once (PROTOCOL.md
 * s7). */
static CURLcode send_once(struct client *c, struct buf *reply)
{
	CURLcode code = send_patiently(c);
	if (c->once[0] != '\0' &&
	    (answer_lost(code) || (code == CURLE_OK && is_of_proxy(c)))) {
		reply->len = 0;
		code = send_patiently(c);
	}
	explicit_bzero(c->once, sizeof c->once);
	return code;
}

/* A mint that runs listens still, at a socket that has no name any more. */
static bool is_removed(const struct client *c, long os)
{
	char socket[sizeof c->socket];
	memcpy(socket, c->socket, sizeof socket);
	return os == ENOENT && place_is_held(dirname(socket));
}

/* A connection that hangs is one that is not there. */
static CURLcode code_of(CURL *curl, CURLcode code)
{
	curl_off_t sent = 0;
	curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sent);
	return code == CURLE_OPERATION_TIMEDOUT && sent == 0
		       ? CURLE_COULDNT_CONNECT
		       : code;
}

static enum mm_err say_unreached(const struct client *c, CURLcode code,
				 enum client_effect effect, struct why *why)
{
	long os = 0;
	bool local = c->socket[0] != '\0';
	const char *where = local ? c->socket : c->url;
	curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os == EACCES)
		return why_say(why, MM_ERR_IO, NULL,
			       "you may not open %s: run this as the user of "
			       "mintmarkd, or as root",
			       where);
	if (code == CURLE_COULDNT_CONNECT && local && is_removed(c, os))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "mintmarkd runs, but there is no %s: it is "
			       "starting (or stopping), or that was removed. "
			       "Run this again; if it does not pass, restart "
			       "mintmarkd (systemctl restart mintmarkd)",
			       where);
	if (code == CURLE_COULDNT_CONNECT)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       local ? "no mintmarkd answers at %s: start it, "
				       "or say where it is (--data DIR, "
				       "MINTMARK_SOCKET, or MINTMARK_URL with "
				       "MINTMARK_TOKEN)"
				     : "no mintmarkd answers at %s: is "
				       "MINTMARK_URL right?",
			       where);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return client_unanswered(where, "not in time", effect, why);
	if (answer_lost(code))
		return client_unanswered(where, curl_easy_strerror(code),
					 effect, why);
	return why_say(why, MM_ERR_IO, NULL, "cannot ask %s: %s", where,
		       curl_easy_strerror(code));
}

/* ---- what came back ---- */

static enum mm_err parse_reply(const struct client *c, struct span text,
			       json_t **reply, struct why *why)
{
	json_error_t where;
	*reply = json_loadb((const char *)text.at, text.len,
			    JSON_REJECT_DUPLICATES, &where);
	return *reply ? MM_OK
		      : why_say(why, MM_ERR_IO, NULL,
				"%s does not answer like a mint: is it one?",
				c->socket[0] ? c->socket : c->url);
}

/* ---- a call ---- */

struct call {
	const char *method, *path;
	const json_t *body; /* NULL: none */
};

static enum client_effect effect_of(const struct client *c,
				    const struct call *call)
{
	return strcmp(call->method, "GET") == 0 ? CLIENT_READS
	       : c->once[0] != '\0'		? CLIENT_MINTS
						: CLIENT_CHANGES;
}

/* *out is what came back with a yes; it lies in `text`. */
static enum mm_err exchange(struct client *c, const struct call *call,
			    struct buf *text, struct span *out, struct why *why)
{
	AUTO_BUF struct buf url = buf_new(8192);
	AUTO_TEXT char *sent = json_heap_dump(call->body, JSON_COMPACT);
	AUTO_SLIST struct slist headers = { NULL };
	struct span full;
	long status = 0;

	*text = buf_new(REPLY_MAX);
	buf_fmt(&url, "%s%s", c->socket[0] ? "http://localhost" : c->url,
		call->path);
	TRY(buf_done(&url, &full));
	aim(c, (const char *)full.at);
	load(c, call->method, sent, &headers);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, text);

	enum client_effect effect = effect_of(c, call);
	CURLcode code = code_of(c->curl, send_once(c, text));
	if (code != CURLE_OK)
		return say_unreached(c, code, effect, why);
	if (is_of_proxy(c))
		return client_unanswered(c->socket[0] ? c->socket : c->url,
					 "its proxy answers 502 or 504", effect,
					 why);
	TRY(buf_done(text, out));
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	return status < 200 || status > 299
		       ? client_refused(c, status, *out, why)
		       : MM_OK;
}

enum mm_err client_call(struct client *c, const char *method, const char *path,
			const json_t *body, json_t **reply, struct why *why)
{
	AUTO_BUF struct buf text = buf_new(0);
	struct span all;
	*reply = NULL;
	TRY(exchange(c, &(struct call){ method, path, body }, &text, &all,
		     why));
	return parse_reply(c, all, reply, why);
}

enum mm_err client_text(struct client *c, const char *path, struct buf *text,
			struct span *out, struct why *why)
{
	return exchange(c, &(struct call){ "GET", path, NULL }, text, out, why);
}

void client_escape(struct buf *path, const char *text)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-._~";
	for (; *text != '\0'; text++)
		buf_fmt(path, strchr(unreserved, *text) ? "%c" : "%%%02X",
			(unsigned char)*text);
}
