/* place.c - where the mint is: flags, then the environment. */
#include "cli/place.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/loopback.h"

static const char *from_env(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] != '\0' ? value : NULL;
}

const char *place_token(void)
{
	return from_env("MINTMARK_TOKEN");
}

static enum mm_err set_place(char to[512], const char *base, const char *name,
			     struct why *why)
{
	int n = snprintf(to, 512, "%s%s", base, name);
	if (n < 0 || n >= 512)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the address of the mint is too long");
	return MM_OK;
}

static void free_url(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void free_part(char **text)
{
	curl_free(*text);
}
#define AUTO_PART __attribute__((cleanup(free_part)))

/* A token in clear text is anybody's; only this host's own ports are
 * private. */
static enum mm_err check_url(const char *url, struct why *why)
{
	__attribute__((cleanup(free_url))) CURLU *u = curl_url();
	AUTO_PART char *scheme = NULL, *host = NULL;
	if (u == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "MINTMARK_URL is no URL: write "
			       "https://pat.example.org");
	if (strcmp(scheme, "https") == 0 || host_is_loopback(host))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "MINTMARK_URL must be https:// (or http:// to this "
		       "host): the token would travel in the clear");
}

static enum mm_err use_url(struct client *c, const char *url, struct why *why)
{
	TRY(check_url(url, why));
	if (place_token() == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "MINTMARK_URL needs MINTMARK_TOKEN: a token "
			       "with the scope mintmark:admin");
	TRY(set_place(c->url, url, "", why));
	for (size_t n = strlen(c->url); n > 0 && c->url[n - 1] == '/'; n--)
		c->url[n - 1] = '\0';
	return MM_OK;
}

enum mm_err place_find_data(struct client *c, const char *data, struct why *why)
{
	return set_place(c->socket, data, "/admin.sock", why);
}

enum mm_err place_find_self(struct client *c, struct why *why)
{
	const char *url = from_env("MINTMARK_URL");
	if (url == NULL || place_token() == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "self is the token in MINTMARK_TOKEN, at the "
			       "mint in MINTMARK_URL: set both");
	return use_url(c, url, why);
}

enum mm_err place_find(struct client *c, const char *data, struct why *why)
{
	const char *socket = from_env("MINTMARK_SOCKET");
	const char *url = from_env("MINTMARK_URL");
	if (data != NULL)
		return place_find_data(c, data, why);
	if (socket != NULL)
		return set_place(c->socket, socket, "", why);
	if (url != NULL)
		return use_url(c, url, why);
	data = from_env("MINTMARK_DATA");
	return place_find_data(c, data ? data : DATA_STANDARD, why);
}

/* We hold it no longer than it takes to ask: a mint that starts just then tries
 * again. */
bool place_is_held(const char *data)
{
	char path[600];
	snprintf(path, sizeof path, "%s/mintmark.db.lock", data);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 &&
		    errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return held;
}
