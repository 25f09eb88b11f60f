/* doctor_issuer.c - the mint, asked by its admin.sock and by its public
 * address.  What cannot be reached is said once, by the check "mint". */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/doctor_judge.h"
#include "cli/doctor_process.h"
#include "cli/output.h"
#include "cli/probe.h"

#define CALL_S 3
#define NAMED  5  /* agents that are named */
#define BACK_S 40 /* an agent has come back by then (verifier/follow.c) */

/* ---- asking ---- */

static enum mm_err ask(const struct doctor *d, const char *path,
		       struct probe *p, char socket[600], struct why *why)
{
	char url[300];
	snprintf(socket, 600, "%s/admin.sock", d->data);
	snprintf(url, sizeof url, "http://localhost%s", path);
	p->url = url;
	p->socket = socket;
	enum mm_err e = probe_run(p, why);
	p->url = path;
	return e;
}

static json_t *body_of(struct probe *p)
{
	struct span text;
	return buf_done(&p->body, &text) == MM_OK
		       ? json_loadb((const char *)text.at, text.len, 0, NULL)
		       : NULL;
}

/* Of admin.sock; NULL: nobody answers so. */
static json_t *ask_json(const struct doctor *d, const char *path)
{
	char socket[600];
	AUTO_PROBE struct probe p = { .url = NULL };
	return ask(d, path, &p, socket, NULL) == MM_OK ? body_of(&p) : NULL;
}

static json_t *call(const struct doctor *d, const char *path)
{
	AUTO_CLIENT struct client c = { .curl = NULL };
	json_t *reply = NULL;
	if (client_open_data(&c, d->data, NULL) != MM_OK)
		return NULL;
	client_hurry(&c, CALL_S);
	return client_call(&c, "GET", path, NULL, &reply, NULL) == MM_OK ? reply
									 : NULL;
}

/* ---- is it up, and what we think it is? ---- */

static void compare_versions(const char *theirs, json_t *all)
{
	if (strcmp(theirs, MM_VERSION) == 0)
		return;
	found(all, FOUND_WRONG, "mint.version",
	      "mintmarkd is %s, this program is %s: one of them was not "
	      "updated, or mintmarkd not restarted",
	      theirs, MM_VERSION);
	advise(all, "systemctl restart mintmarkd && mintmark --version");
}

/* It listens still, at a socket that has no name any more. */
static bool socket_is_gone(const struct doctor *d, const char *socket)
{
	char lock[600];
	struct holder mint;
	snprintf(lock, sizeof lock, "%s/mintmark.db.lock", d->data);
	return access(socket, F_OK) != 0 && errno == ENOENT &&
	       holder_of(lock, &mint);
}

static void say_no_mint(const struct doctor *d, const char *socket,
			const struct why *why, json_t *all)
{
	if (socket_is_gone(d, socket)) {
		found(all, FOUND_WRONG, "mint",
		      "mintmarkd runs, and %s was removed: nobody can "
		      "administer it",
		      socket);
		advise(all, "systemctl restart mintmarkd");
		return;
	}
	bool ours = access(socket, W_OK) == 0 || errno != EACCES;
	found(all, FOUND_WRONG, "mint", "mintmarkd: %s", why->text);
	advise(all, "%s",
	       ours ? "systemctl status mintmarkd; journalctl -u mintmarkd -n "
		      "50    # as root; if it runs and says nothing: systemctl "
		      "restart mintmarkd"
		    : "sudo mintmark doctor");
}

void doctor_mint(const struct doctor *d, const char *arg, json_t *all)
{
	char socket[600];
	struct why why = { .text = "" };
	AUTO_PROBE struct probe p = { .url = NULL };
	(void)arg;
	if (ask(d, "/version", &p, socket, &why) != MM_OK) {
		say_no_mint(d, socket, &why, all);
		return;
	}
	AUTO_JSON json_t *said = body_of(&p);
	const char *version = json_text(said, "version", "?");
	found(all, FOUND_OK, "mint", "mintmarkd %s answers at %s in %lld ms",
	      version, socket, (long long)p.took);
	compare_versions(version, all);
	doctor_compare(&p, "mint.clock", "mintmarkd", all);
}

void doctor_health(const struct doctor *d, const char *arg, json_t *all)
{
	AUTO_JSON json_t *said = ask_json(d, "/health/ready");
	const json_t *checks = json_object_get(said, "checks");
	(void)arg;
	size_t failing =
		found_failing(all, said,
			      &(struct asked){ "health", "mintmarkd",
					       "journalctl -u mintmarkd -n 50",
					       doctor_mint_checks });
	if (checks != NULL && failing == 0)
		found(all, FOUND_OK, "health",
		      "all %zu checks of mintmarkd are good: it reads and "
		      "writes its store, signs, and publishes",
		      json_object_size(checks));
}

/* ---- the feed ---- */

/* Not by asking for it: who has been given events is waited for when a token
 * is revoked. */
static void say_feed(const json_t *feed, json_t *all)
{
	long long seq = json_integer_value(json_object_get(feed, "seq"));
	long long first = json_integer_value(json_object_get(feed, "first"));
	int64_t age = json_integer_value(json_object_get(feed, "age"));
	bool silent = json_is_true(json_object_get(feed, "silent"));
	char ago[JUDGED_SIZE];
	judge_time(ago, age);
	if (silent)
		found(all, FOUND_WRONG, "feed",
		      "at event %lld, and the key whose turn it is does not "
		      "sign: agents hear of no change",
		      seq);
	else
		found(all, age > 30 ? FOUND_WRONG : FOUND_OK, "feed",
		      "at event %lld, %lld are kept; the store's log was "
		      "followed %s ago",
		      seq, first ? seq - first + 1 : 0, ago);
	advise(all, "journalctl -u mintmarkd -n 50    # keys.sign_failed, "
		    "publish.behind");
}

/* ---- who follows ---- */

struct follow {
	bool shared; /* there may be other issuers, with agents of theirs */
	size_t connected, behind, silent;
	char behind_text[400], silent_text[400];
};

/* The first few. */
static void name_agent(char text[400], size_t already, const char *one)
{
	size_t n = strlen(text);
	if (already < NAMED)
		snprintf(text + n, 400 - n, "%s%s", n ? ", " : "", one);
}

static void count_agent(struct follow *f, const json_t *a, int64_t now)
{
	char ago[JUDGED_SIZE], one[160];
	long long lag = json_integer_value(json_object_get(a, "lag"));
	bool connected = json_is_true(json_object_get(a, "connected"));
	judge_time(ago, now - json_time(a, "seen_at"));
	snprintf(one, sizeof one,
		 "%s at %s (lacks %lld events, heard of %s ago)",
		 json_text(a, "id", "?"), json_text(a, "address", "?"), lag,
		 ago);
	f->connected += connected;
	enum found is =
		judge_agent(connected, lag, now - json_time(a, "seen_at"));
	if (is == FOUND_NOTE)
		name_agent(f->silent_text, f->silent++, one);
	else if (is == FOUND_WRONG)
		name_agent(f->behind_text, f->behind++, one);
}

static void count_agents(const json_t *overview, struct follow *f)
{
	size_t i;
	const json_t *a;
	const json_t *store = json_object_get(overview, "store");
	*f = (struct follow){ .shared = json_is_true(
				      json_object_get(store, "shared")) };
	json_array_foreach(json_object_get(overview, "agents"), i, a)
		count_agent(f, a, json_time(overview, "at"));
}

static void say_behind(const struct follow *f, json_t *all)
{
	found(all, FOUND_WRONG, "agents.behind",
	      "%zu behind, for more than a moment%s: %s", f->behind,
	      f->shared ? " (or just gone over to another issuer)" : "",
	      f->behind_text);
	advise(all, "on that host: mintmark doctor; systemctl restart "
		    "mintmark-agent");
}

static void say_silent(const struct follow *f, json_t *all)
{
	found(all, FOUND_NOTE, "agents.silent",
	      "%zu not heard of for longer than a poll takes%s: %s", f->silent,
	      f->shared ? " by this issuer (did they go over to another?)" : "",
	      f->silent_text);
	advise(all, "on that host, if it is to verify still: mintmark doctor; "
		    "systemctl status mintmark-agent");
}

static void say_count(const struct follow *f, json_t *all)
{
	found(all, f->connected + f->silent ? FOUND_OK : FOUND_NOTE, "agents",
	      "%zu follow the feed%s", f->connected,
	      f->shared	     ? " of this issuer; others have theirs"
	      : f->connected ? ""
			     : ": no host hears of a revocation");
}

/* Who is not known yet is not dead. */
static bool say_young(const struct doctor *d, const struct follow *f,
		      json_t *all)
{
	char lock[600];
	struct holder mint;
	snprintf(lock, sizeof lock, "%s/mintmark.db.lock", d->data);
	int64_t age = holder_of(lock, &mint) ? holder_age(&mint) : -1;
	if (f->shared || f->connected + f->silent != 0 || age < 0 ||
	    age >= BACK_S)
		return false;
	found(all, FOUND_NOTE, "agents",
	      "none follows the feed yet: mintmarkd started %lld s ago, and "
	      "agents come back within %d s",
	      (long long)age, BACK_S);
	advise(all, "mintmark doctor    # again, in a minute");
	return true;
}

/* `here`: this host has one, too. */
static void say_agents(const struct follow *f, bool here, json_t *all)
{
	if (f->behind != 0)
		say_behind(f, all);
	if (f->silent != 0)
		say_silent(f, all);
	say_count(f, all);
	advise(all, "%s",
	       f->shared ? "on the hosts of the others, too: mintmark doctor"
	       : here	 ? "systemctl status mintmark-agent    # is the one of "
			   "this host dead?"
			 : "mintmark token create -u agent -e 365d -s "
			   "mintmark:agent -q    # and README.md, The agent of "
			   "a host");
}

/* One that is a file, doctor_store.c looks at. */
static void say_store(const json_t *overview, json_t *all)
{
	char size[JUDGED_SIZE];
	int64_t bytes = json_integer_value(
		json_object_get(json_object_get(overview, "store"), "bytes"));
	judge_bytes(size, (uint64_t)bytes);
	found(all, FOUND_OK, "store", "in PostgreSQL, %s", size);
}

/* One that is being told of news lacks them for a moment: so who is behind is
 * looked at again, when the answer of the first time is not kept any more. */
void doctor_overview(const struct doctor *d, const char *arg, json_t *all)
{
	struct follow f;
	struct timespec pause = { 5, 200 * 1000000L };
	AUTO_JSON json_t *first = call(d, "/v1/overview"), *second = NULL;
	(void)arg;
	if (first == NULL)
		return;
	say_feed(json_object_get(first, "feed"), all);
	count_agents(first, &f);
	if (f.shared)
		say_store(first, all);
	if (f.behind != 0) {
		nanosleep(&pause, NULL);
		second = call(d, "/v1/overview");
	}
	if (second != NULL)
		count_agents(second, &f);
	if (!say_young(d, &f, all))
		say_agents(&f, d->host, all);
}

/* ---- as others see it ---- */

void doctor_public(const struct doctor *d, const char *arg, json_t *all)
{
	static const char path[] = "/.well-known/oauth-authorization-server";
	AUTO_JSON json_t *own = ask_json(d, path), *said = NULL;
	const char *iss = json_text(own, "issuer", NULL);
	struct why why = { .text = "" };
	char url[600];
	AUTO_PROBE struct probe p = { .url = url };
	(void)arg;
	if (iss == NULL)
		return;
	if (!judge_address(iss)) {
		found(all, FOUND_WRONG, "public",
		      "mintmarkd says that it is %s, which is no address", iss);
		advise(all, "systemctl restart mintmarkd    # with --issuer "
			    "https://HOST");
		return;
	}
	snprintf(url, sizeof url, "%s%s", iss, path);
	if (probe_run(&p, &why) != MM_OK) {
		found(all, FOUND_WRONG, "public", "%s", why.text);
		advise(all,
		       "curl -v '%s/version'    # its name, the proxy in "
		       "front, the certificate",
		       iss);
		return;
	}
	said = body_of(&p);
	if (strcmp(json_text(said, "issuer", ""), iss) == 0)
		found(all, FOUND_OK, "public", "%s leads here, in %lld ms", iss,
		      (long long)p.took);
	else
		found(all, FOUND_WRONG, "public",
		      "%s answers %ld, and not as this mint", iss, p.status);
	advise(all,
	       "curl -i '%s/version'    # where does the proxy in front "
	       "send it?",
	       iss);
	p.url = iss;
	doctor_certificate(&p, "public.certificate", all);
	doctor_compare(&p, "public.clock", iss, all);
}
