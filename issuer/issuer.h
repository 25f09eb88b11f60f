/* issuer.h - the one context of mintmarkd: settings and the living parts.
 *
 *	store      what is remembered           (store.h)
 *	signing    the keys in force            (signing.h)
 *	publisher  lists, feed, snapshot        (publish.h)
 *	mint       indexes and signatures       (mint.h)
 *
 * Passed to every handler; nothing here changes after the start but what
 * the parts lock themselves.
 */
#ifndef MM_ISSUER_ISSUER_H
#define MM_ISSUER_ISSUER_H

#include "common/http.h"
#include "common/settings.h"
#include "issuer/mint.h"
#include "issuer/publish.h"
#include "issuer/signing.h"
#include "issuer/store.h"

/* clang-format off */
/*        name            kind          field type           default            flag         help */
#define ISSUER_SETTINGS(X)                                                                              \
	X(data,           SET_TEXT,     char *,    "/var/lib/mintmark", "DIR",       "keys, database and admin.sock")            \
	X(listen,         SET_TEXT,     char *,    "127.0.0.1:8080",    "HOST:PORT", "TCP address of the HTTP API")              \
	X(issuer,         SET_TEXT,     char *,    "",                  "URL",       "public base URL; the iss of every token")  \
	X(dev,            SET_BOOL,     bool,      "false",             "",         "try it out: ./dev-data, and http://LISTEN as the issuer") \
	X(tls_cert,       SET_TEXT,     char *,    "",                  "FILE",      "PEM certificate chain: serve https")       \
	X(tls_key,        SET_TEXT,     char *,    "",                  "FILE",      "PEM private key of tls_cert")              \
	X(behind_proxy,   SET_BOOL,     bool,      "false",             "",          "a TLS proxy stands in front: plain HTTP beyond loopback is meant") \
	X(max_life,       SET_DURATION, int64_t,   "366d",              "DUR",       "longest life of a token, and the cap of -a alone") \
	X(feed_retain,    SET_DURATION, int64_t,   "7d",                "DUR",       "how long events stay in the feed")         \
	X(feed_ttl,       SET_DURATION, int64_t,   "30s",               "DUR",       "ttl said in feed objects")                 \
	X(list_ttl,       SET_DURATION, int64_t,   "60s",               "DUR",       "ttl said in status lists")                 \
	X(workers,        SET_INT,      int64_t,   "32",                "N",         "threads for requests that may wait")       \
	X(connections,    SET_INT,      int64_t,   "10000",             "N",         "connections at once, at most")
/* clang-format on */

struct issuer_settings {
	char data[SETTING_SIZE];
	char listen[SETTING_SIZE];
	char issuer[SETTING_SIZE];
	char tls_cert[SETTING_SIZE], tls_key[SETTING_SIZE];
	bool dev, behind_proxy;
	int64_t max_life, feed_retain, feed_ttl, list_ttl;
	int64_t workers, connections;
};

struct issuer {
	struct issuer_settings set;
	struct store *store;
	struct signing *signing;
	struct publisher *publisher;
	struct mint *mint;
	struct http_server *http;
};

extern const struct http_route issuer_routes[];
/* http_options.allow: who may call the route. */
enum mm_err issuer_allow(void *app, struct http_request *rq,
			 const struct http_route *route);

#endif
