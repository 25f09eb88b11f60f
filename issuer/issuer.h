/* issuer.h - the one context of mintmarkd: settings and the living parts.
 *
 *	store      what is remembered           (store.h)
 *	signing    the keys in force            (signing.h)
 *	publisher  lists, feed, snapshot        (publish.h)
 *	mint       indexes and signatures       (mint.h)
 *	health     what works now             (health.h)
 *	proven     callers' tokens seen before  (proven.h)
 *	refusals   what the audit says of them  (refusals.h)
 *	followers  the agents and where they are (followers.h)
 *	overview   what the console draws       (overview.h)
 *	sightings  their tokens' last use       (sightings.h)
 *
 * Passed to every handler; nothing here changes after the start but what
 * the parts lock themselves.
 */
#ifndef MM_ISSUER_ISSUER_H
#define MM_ISSUER_ISSUER_H

#include "common/http.h"
#include "common/metrics.h"
#include "common/settings.h"
#include "issuer/console.h"
#include "issuer/followers.h"
#include "issuer/health.h"
#include "issuer/mint.h"
#include "issuer/overview.h"
#include "issuer/proven.h"
#include "issuer/publish.h"
#include "issuer/refusals.h"
#include "issuer/sightings.h"
#include "issuer/signing.h"
#include "issuer/store.h"

/* clang-format off */
/*        name          kind          default              argument     what it is for */
#define ISSUER_SETTINGS(X) \
	X(data,         SET_TEXT,     "/var/lib/mintmark", "DIR",       "keys, database and admin.sock") \
	X(store,        SET_TEXT,     "",                  "URL",       "postgresql://...: a database that several issuers share, instead of mintmark.db in --data") \
	X(user,         SET_NAME,     "",                  "NAME",      "started as root, go on as this user, before anything is opened") \
	X(listen,       SET_TEXT,     "127.0.0.1:8080",    "HOST:PORT", "TCP address of the HTTP API") \
	X(issuer,       SET_TEXT,     "",                  "URL",       "public base URL; the iss of every token") \
	X(dev,          SET_BOOL,     "false",             "",          "try it out: ./dev-data, and http://LISTEN as the issuer") \
	X(metrics,      SET_TEXT,     "",                  "HOST:PORT", "where Prometheus may read /metrics; else nowhere") \
	X(tls_cert,     SET_TEXT,     "",                  "FILE",      "PEM certificate chain: serve https") \
	X(tls_key,      SET_TEXT,     "",                  "FILE",      "PEM private key of tls_cert") \
	X(behind_proxy, SET_BOOL,     "false",             "",          "a TLS proxy stands in front: plain HTTP beyond loopback is meant, and the last X-Forwarded-For is the client") \
	X(key_passphrase_file, SET_TEXT, "",               "FILE",      "the passphrase of the key files, on one line; else the credential mintmark-keys") \
	X(mint_with,    SET_TEXT,     "libjwt",            "WAY",       "who signs tokens: libjwt where it can, or jws (our own) always") \
	X(max_life,     SET_DURATION, "366d",              "DUR",       "longest life of a token, and the cap of -a alone") \
	X(default_life, SET_DURATION, "",                  "DUR",       "life of a token for which none is asked; empty: it must be said") \
	X(max_window,   SET_DURATION, "",                  "DUR",       "longest window of an auto-refresh token; empty: any") \
	X(max_tokens,   SET_INT,      "0",                 "N",         "live tokens that one user may have; 0: any number") \
	X(require_scopes, SET_BOOL,   "false",             "",          "no token with all of its user's rights: each names its scopes") \
	X(allowed_scopes, SET_TEXTS,  "",                  "WORDS",     "only tokens with these scopes; node:* stands for all that begin so") \
	X(forbidden_scopes, SET_TEXTS, "",                 "WORDS",     "no token with one of these scopes; the same") \
	X(allowed_audiences, SET_TEXTS, "",                "WORDS",     "only tokens for these services; the same") \
	X(self_service, SET_BOOL,     "true",              "",          "users make tokens for themselves") \
	X(mint_for,     SET_TEXTS,    "",                  "MINTER:USER", "who makes tokens for whom, besides administrators; helpdesk:* is for all") \
	X(exchange_life, SET_DURATION, "10m",              "DUR",       "longest life of an access token that a token is exchanged for; at most 24h") \
	X(console_life, SET_DURATION, "30m",               "DUR",       "life of a session of the console that is not used") \
	X(keep_addresses, SET_BOOL,   "false",             "",          "keep from which address each token was used last, as far as agents report it") \
	X(feed_retain,  SET_DURATION, "7d",                "DUR",       "how long events stay in the feed") \
	X(feed_ttl,     SET_DURATION, "30s",               "DUR",       "ttl said in feed objects") \
	X(list_ttl,     SET_DURATION, "60s",               "DUR",       "ttl said in status lists") \
	X(workers,      SET_INT,      "32",                "N",         "threads for requests that may wait, at most 64") \
	X(connections,  SET_INT,      "10000",             "N",         "connections at once, at most") \
	X(warn_before,  SET_TEXT,     "14d 7d 1d",         "DURS",      "how long before the end of a token to warn of it; empty: never") \
	X(warn_webhook, SET_TEXT,     "",                  "URL",       "where warnings are posted, as signed JWS") \
	X(warn_command, SET_TEXT,     "",                  "FILE",      "a program that is run for each warning, with a line of JSON on standard input") \
	X(warn_retry,   SET_DURATION, "1m",                "DUR",       "pause after a warning that was not taken; doubled each time, up to 1h") \
	X(restored,     SET_BOOL,     "false",             "",          "once, after restoring a backup: begin a new history")
/* clang-format on */

struct issuer_settings {
#define X(name, kind, standard, arg, help) SETTING_FIELD_##kind(name)
	ISSUER_SETTINGS(X)
#undef X
};

struct issuer {
	struct issuer_settings set;
	struct store *store;
	struct signing *signing;
	struct publisher *publisher;
	struct health *health;
	struct mint *mint;
	struct proven *proven;
	struct refusals *refusals;
	struct followers *followers;
	struct overview *overview;
	struct sightings *sightings;
	struct http_body *metadata; /* RFC 8414 */
	struct http_body *openapi;
	struct console *console;
	struct http_server *http;
	struct metrics metrics;
	struct http_server *metrics_http; /* NULL: nobody asked for it */
};

extern const struct http_route issuer_routes[];
/* http_options.allow: who may call the route. */
enum mm_err issuer_allow(void *app, struct http_request *rq,
			 const struct http_route *route);

#endif
