/* start.c - the parts of mintmarkd, started in order and stopped in the
 * reverse one. */
#include "issuer/start.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_public.h"
#include "common/json_heap.h"
#include "common/log.h"
#include "common/loopback.h"
#include "common/metrics_serve.h"
#include "common/secrecy.h"
#include "issuer/become.h"
#include "issuer/belongs.h"
#include "issuer/explain.h"
#include "issuer/lock.h"
#include "issuer/metrics.h"
#include "issuer/missing.h"
#include "issuer/newest.h"
#include "issuer/oauth_metadata.h"
#include "issuer/openapi.h"
#include "issuer/policy.h"

/* A key is kept for what it signed last: see keys_http.c. */
#define EXCHANGE_LIFE_MAX (24 * 3600)

/* ---- settings ---- */

/* The host of a URL whose scheme was cut off. */
static bool url_host(const char *rest, char host[256])
{
	size_t n =
		rest[0] == '[' ? strcspn(rest, "]") + 1 : strcspn(rest, ":/");
	if (rest[0] == '[')
		return span_copy(host, 256, span_of(rest + 1, n - 2));
	return n != 0 && span_copy(host, 256, span_of(rest, n));
}

static enum mm_err check_issuer_url(const char *url, struct why *why)
{
	char host[256];
	bool https = strncmp(url, "https://", 8) == 0;
	bool http = strncmp(url, "http://", 7) == 0;
	size_t n = strlen(url);
	if ((!https && !http) || n >= ISS_SIZE || n < 9 || url[n - 1] == '/' ||
	    strpbrk(url, " \"\\<>?#%{}") != NULL ||
	    !url_host(url + (https ? 8 : 7), host))
		return why_say(why, MM_ERR_INVALID, "issuer",
			       "--issuer must be a URL such as "
			       "https://pat.example.org, without a slash at "
			       "its end");
	if (http && !host_is_loopback(host))
		return why_say(why, MM_ERR_INVALID, "issuer",
			       "--issuer must be https:// (http:// is for "
			       "127.0.0.1 and localhost only)");
	return MM_OK;
}

static struct http_public public_of(const struct issuer_settings *set)
{
	return (struct http_public){ .name = "listen",
				     .listen = set->listen,
				     .tls_cert = set->tls_cert,
				     .tls_key = set->tls_key,
				     .behind_proxy = set->behind_proxy };
}

static enum mm_err check_listen(const struct issuer_settings *set,
				struct why *why)
{
	const struct http_public at = public_of(set);
	return http_public_check(&at, why);
}

enum mm_err settings_try_files(const struct issuer_settings *set,
			       struct why *why)
{
	const struct http_public at = public_of(set);
	TRY(store_try_files(set->store, why));
	return http_public_try(&at, why);
}

static struct warn_options warn_options(const struct issuer_settings *set)
{
	return (struct warn_options){ .iss = set->issuer,
				      .before = set->warn_before,
				      .webhook = set->warn_webhook,
				      .command = set->warn_command,
				      .retry = set->warn_retry };
}

static enum mm_err settle_places(struct issuer_settings *set, struct why *why)
{
	if (set->data[0] == '\0')
		return why_say(why, MM_ERR_INVALID, "data",
			       "--data is empty: name the folder, or leave it "
			       "out for /var/lib/mintmark");
	if (set->dev && strcmp(set->data, "/var/lib/mintmark") == 0)
		(void)span_copy(set->data, sizeof set->data,
				span_str("dev-data"));
	return store_check_address(set->store, why);
}

enum mm_err settings_settle(struct issuer_settings *set, struct why *why)
{
	TRY(settle_places(set, why));
	if (set->dev && set->issuer[0] == '\0')
		snprintf(set->issuer, sizeof set->issuer, "http://%.500s",
			 set->listen);
	if (set->issuer[0] == '\0')
		return why_say(why, MM_ERR_INVALID, "issuer",
			       "say --issuer URL, the public address that "
			       "goes into every token; or --dev to try it "
			       "out");
	TRY(check_issuer_url(set->issuer, why));
	TRY(check_listen(set, why));
	TRY(metrics_check(set->metrics, why));
	if (set->workers < 1 || set->workers > 64 || set->connections < 16)
		return why_say(why, MM_ERR_INVALID, "workers",
			       "workers is 1 to 64, connections 16 or "
			       "more");
	if (set->exchange_life < 1 || set->exchange_life > EXCHANGE_LIFE_MAX)
		return why_say(why, MM_ERR_INVALID, "exchange_life",
			       "exchange_life is 1s to 24h");
	if (set->console_life < 1)
		return why_say(why, MM_ERR_INVALID, "console_life",
			       "console_life is at least 1s");
	if (strcmp(set->mint_with, "libjwt") != 0 &&
	    strcmp(set->mint_with, "jws") != 0)
		return why_say(why, MM_ERR_INVALID, "mint_with",
			       "mint_with is libjwt or jws");
	if (set->feed_retain < 60 || set->feed_ttl < 1 || set->list_ttl < 1)
		return why_say(why, MM_ERR_INVALID, "feed_retain",
			       "feed_retain is at least 60s, the ttls at "
			       "least 1s");
	struct warn_options warn = warn_options(set);
	TRY(warner_check(&warn, why));
	return policy_settle(set, why);
}

/* ---- starting ---- */

static enum mm_err data_path(const struct issuer *is, const char *name,
			     char out[4096])
{
	int n = snprintf(out, 4096, "%s/%s", is->set.data, name);
	return n > 0 && n < 4096 ? MM_OK : MM_ERR_INVALID;
}

static enum mm_err begin_history(struct issuer *is, struct why *why)
{
	struct newest published;
	TRY(newest_read(is->set.data, &published, why));
	enum mm_err e = store_begin_history(is->store, published.began);
	if (e != MM_OK)
		return why_say(why, e, NULL, "cannot begin a new history: %s",
			       mm_err_word(e));
	log_event(LOG_NOTICE, "store.restored",
		  "detail=a new history begins; tokens made after the backup "
		  "are refused; what was revoked after it is good here until "
		  "it is revoked again: `mintmark-agent revoked` on a host has "
		  "it (SECURITY.md, After a backup was put back); start "
		  "without --restored the next time");
	return MM_OK;
}

static enum mm_err start_keys(struct running *r, struct why *why)
{
	char dir[4096];
	struct missing missing;
	AUTO_RING struct keyring ring = { .count = 0 };
	TRY(data_path(&r->is, "keys", dir));
	struct keyring_at at = { dir, r->is.set.key_passphrase_file };
	enum mm_err e = keyring_load(at, &ring, why);
	r->first_start = e == MM_ERR_NOT_FOUND;
	if (e != MM_OK && e != MM_ERR_NOT_FOUND)
		return e;
	if (!r->is.set.restored)
		TRY(belongs_check(r->is.store, dir, r->first_start, why));
	TRY(missing_check_start(at, &ring, r->is.store, &missing, why));
	if (r->is.set.restored) /* not before: it cannot be taken back */
		TRY(begin_history(&r->is, why));
	TRY(keyring_init(at, JWK_ES256, why));
	TRY(signing_open(at, r->is.store, &r->is.signing, why));
	if (missing_has_none(&missing) && ring.count != 0)
		belongs_warn(dir);
	return belongs_mark(dir, r->is.set.issuer, why);
}

/* Its address, which is the file `path` where no other was said. */
static enum mm_err store_where(const struct issuer *is, char path[4096],
			       const char **where)
{
	*where = is->set.store[0] ? is->set.store : path;
	return data_path(is, "mintmark.db", path);
}

enum mm_err issuer_migrate(struct issuer *is, struct why *why)
{
	char path[4096];
	const char *where;
	int64_t from, to;
	umask(077);
	TRY(settle_places(&is->set, why));
	TRY(store_where(is, path, &where));
	if (is->set.user[0] != '\0')
		TRY(become_user(is->set.user, is->set.data, why));
	TRY(store_migrate(where, &from, &to, why));
	if (from == to)
		printf("nothing to do: the store has version %lld, this "
		       "release's\n",
		       (long long)to);
	else
		printf("the store is of version %lld now, it was of %lld\n",
		       (long long)to, (long long)from);
	return MM_OK;
}

/* It is one daemon's, also where the store is not in it. */
static enum mm_err lock_folder(struct running *r, const char *path,
			       struct why *why)
{
	enum mm_err e = lock_take(path, &r->lock_fd, why);
	if (e != MM_ERR_CONFLICT)
		return e;
	return why_say(why, e, "data",
		       "another mintmarkd works in the folder %s: stop it, or "
		       "choose another --data",
		       r->is.set.data);
}

static enum mm_err start_store(struct running *r, struct why *why)
{
	struct issuer *is = &r->is;
	char path[4096];
	const char *where;
	TRY(store_where(is, path, &where));
	if (where == path)
		TRY(is->set.restored
			    ? store_check_restored(path, why)
			    : belongs_check_file(is->set.data, path, why));
	if (where != path)
		TRY(lock_folder(r, path, why));
	is->publisher = publisher_new((struct publish_ttl){
		.feed = is->set.feed_ttl, .list = is->set.list_ttl });
	if (is->publisher == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	enum mm_err e = store_open(where, is->set.issuer, publisher_wake,
				   is->publisher, &is->store, why);
	r->no_database = where != path && e == MM_ERR_UNAVAILABLE;
	TRY(e);
	return is->set.restored ? MM_OK
				: newest_check(is->set.data, is->store, why);
}

static enum mm_err start_parts(struct running *r, struct why *why)
{
	struct issuer *is = &r->is;
	is->proven = proven_new();
	is->refusals = refusals_new();
	is->followers = followers_new();
	is->overview = overview_new();
	is->sightings = sightings_new();
	if (is->proven == NULL || is->refusals == NULL ||
	    is->followers == NULL || is->overview == NULL ||
	    is->sightings == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	TRY(oauth_metadata_new(is->set.issuer, &is->metadata));
	TRY(openapi_new(&is->openapi));
	TRY(console_open(&is->console));
	TRY(data_folder_make(is->set.data, why));
	TRY(data_folder_check(is->set.data, why));
	TRY(start_store(r, why));
	TRY(start_keys(r, why));
	const struct sweep_options sweep = {
		is->store,	  is->sightings,       is->refusals,
		is->publisher,	  is->signing,	       is->set.data,
		is->set.max_life, is->set.feed_retain, is->set.keep_addresses
	};
	TRY(sweeper_start(&sweep, &r->sweeper, why));
	TRY(mint_open(is->store, is->set.issuer,
		      strcmp(is->set.mint_with, "jws") == 0, &is->mint));
	/* said in the log: whoever has started it is still looking */
	(void)!mint_check_clock(is->mint, clock_now(), NULL);
	TRY(publisher_start(is->publisher, is->store, is->signing, why));
	return health_start(is->store, is->signing, is->publisher, &is->health,
			    why);
}

static enum mm_err start_http(struct issuer *is, struct why *why)
{
	char sock[4096];
	const struct http_public at = public_of(&is->set);
	AUTO_PUBLIC struct http_public_texts texts = { .host = "" };
	struct http_options o = {
		.routes = issuer_routes,
		.app = is,
		.allow = issuer_allow,
		.refused = issuer_refused,
		.explain = issuer_explain,
		.socket_path = sock,
		.workers = (unsigned)is->set.workers,
		.pollers = 2,
		.connections = (unsigned)is->set.connections,
	};
	TRY(data_path(is, "admin.sock", sock));
	TRY(http_public_fill(&at, &texts, &o, why));
	TRY(http_start(&o, &is->http, why));
	return issuer_metrics_start(is, why);
}

static enum mm_err start_warner(struct running *r, struct why *why)
{
	struct warn_options o = warn_options(&r->is.set);
	o.store = r->is.store;
	o.signing = r->is.signing;
	return warner_start(&o, &r->warner, why);
}

/* Before the store is made for an issuer that could not be served. */
static enum mm_err try_address(const struct issuer *is, struct why *why)
{
	char host[256];
	struct http_options o = { .host = host };
	TRY(settings_try_files(&is->set, why));
	TRY(address_read(is->set.listen, host, &o.port, why));
	return http_try_address(&o, why);
}

/* Who changed them since, and found nobody to tell, did it before this. */
static void read_keys_again(struct issuer *is)
{
	const struct stamp start = { .by = "mintmarkd", .at = clock_now() };
	signing_look_again(is->signing, &start);
}

enum mm_err issuer_start(struct running *r, struct why *why)
{
	umask(077);
	json_heap_watch(wiped_free); /* tokens are in it */
	json_object_seed(0);	     /* before threads: jansson's hash seed */
	enum mm_err e = MM_OK;
	if (r->is.set.user[0] != '\0') /* no file, socket, thread before it */
		e = become_user(r->is.set.user, r->is.set.data, why);
	if (e == MM_OK)
		e = try_address(&r->is, why);
	if (e == MM_OK)
		e = start_parts(r, why);
	e = store_explain(r->is.store, e, why);
	if (e == MM_OK)
		e = start_http(&r->is, why);
	if (e == MM_OK)
		e = start_warner(r, why);
	if (e == MM_OK)
		read_keys_again(&r->is);
	else
		issuer_stop(r);
	return e;
}

/* New requests are refused, waiting polls answered, running ones finished;
 * then what they stood on is taken away. */
void issuer_stop(struct running *r)
{
	struct issuer *is = &r->is;
	http_stop(is->metrics_http); /* it looks at everything */
	warner_stop(r->warner);
	if (is->http != NULL) {
		http_quiesce(is->http);
		publisher_release(is->publisher);
		http_stop(is->http);
	}
	health_stop(is->health);
	sweeper_stop(r->sweeper);
	mint_close(is->mint);
	publisher_stop_thread(is->publisher);
	store_close(is->store);
	publisher_free(is->publisher);
	signing_close(is->signing);
	proven_free(is->proven);
	refusals_free(is->refusals);
	followers_free(is->followers);
	overview_free(is->overview);
	sightings_free(is->sightings);
	http_body_drop(is->metadata);
	http_body_drop(is->openapi);
	console_close(is->console);
	if (r->lock_fd > 0)
		close(r->lock_fd);
}
