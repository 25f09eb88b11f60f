/* doctor.c - mintmark doctor: what is there on this host, is it well, and what
 * to do where it is not. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/key.h"
#include "cli/output.h"
#include "cli/place.h"
#include "cli/probe.h"
#include "common/owner.h"

#define MINT_CONFIG  "/etc/mintmark/mintmarkd.conf"
#define AGENT_CONFIG "/etc/mintmark/agent.conf"
#define LIMIT_MS     15000

/* clang-format off */
static const struct doctor_job on_any[] = {
	{ "clock", doctor_clock, NULL },
};
static const struct doctor_job on_mint[] = {
	{ "mint",    doctor_mint,   NULL },
	{ "mint.settings", doctor_mint_settings, NULL },
	{ "health",  doctor_health, NULL },
	{ "feed",    doctor_overview, NULL },
	{ "folder",  doctor_folder, NULL },
	{ "store",   doctor_store,  NULL },
	{ "store.whole", doctor_whole, NULL },
	{ "keys",    doctor_keys,   NULL },
	{ "public",  doctor_public, NULL },
};
static const struct doctor_job on_host[] = {
	{ "state",   doctor_state,  NULL },
	{ "state.owner", doctor_place, NULL },
	{ "agent",   doctor_agent,  NULL },
	{ "door",    doctor_door,   NULL },
	{ "agent.settings", doctor_settings, NULL },
	{ "uses",    doctor_uses,   NULL },
	{ "token",   doctor_token,  NULL },
	{ "issuer",  doctor_reach,  NULL },
};
/* clang-format on */
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- what there is here ---- */

/* What they say stands in what root pastes: theirs who can write to them.
 * Named by a flag, they are there. */
static enum mm_err check_settings(const char *flag, const char *named,
				  const char *config, struct why *why)
{
	struct stat st;
	if (named != NULL && access(named, R_OK) != 0)
		return why_say(why, MM_ERR_INVALID, NULL, "%s: cannot read %s",
			       flag, named);
	if (geteuid() != 0 || stat(config, &st) != 0)
		return MM_OK;
	return owner_check(&st, 0, config, why);
}

/* A missing file, or line, is no mistake. */
static bool peek(const char *config, const char *name, char out[SETTING_SIZE])
{
	return settings_peek(config, name, out, NULL) == MM_OK &&
	       out[0] != '\0';
}

static bool env_has(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] != '\0';
}

/* The flag, the environment (both are key_place_find()'s to read), what
 * mintmarkd is told, the usual place. */
static enum mm_err find_mint(struct doctor *d, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	char kept[SETTING_SIZE], store[SETTING_SIZE];
	const char *named = d->args.mint_config;
	const char *config = named ? named : MINT_CONFIG;
	TRY(check_settings("--mint-config", named, config, why));
	bool said = d->args.data != NULL || named != NULL ||
		    env_has("MINTMARK_DATA") || env_has("MINTMARK_SOCKET");
	if (d->args.data == NULL && (named != NULL || !said) &&
	    peek(config, "data", kept))
		d->args.data = kept;
	d->mint_config = config;
	d->elsewhere = peek(config, "store", store) &&
		       strncmp(store, "postgres", 8) == 0;
	TRY(key_place_find(&p, &d->args, why));
	(void)span_copy(d->data, sizeof d->data, span_str(p.data));
	d->args.data = d->data;
	d->mint =
		said || access(config, F_OK) == 0 || access(d->data, F_OK) == 0;
	return MM_OK;
}

static enum mm_err find_host(struct doctor *d, struct why *why)
{
	const char *flag = d->args.agent_config;
	const char *config = flag ? flag : AGENT_CONFIG;
	const char *env = flag == NULL ? getenv("MINTMARK_STATE") : NULL;
	const char *named = d->args.state   ? d->args.state
			    : env && env[0] ? env
					    : NULL;
	char kept[SETTING_SIZE];
	TRY(check_settings("--agent-config", flag, config, why));
	bool has = peek(config, "state", kept);
	const char *path = named ? named : has ? kept : STATE_STANDARD;
	if (!span_copy(d->state, sizeof d->state, span_str(path)))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--state: the path is too long");
	d->host = named || has || access(d->state, F_OK) == 0;
	if (has && strcmp(kept, d->state) != 0)
		return MM_OK; /* those are the settings of another agent */
	if (access(config, R_OK) == 0)
		d->agent_config = config;
	(void)peek(config, "issuer", d->issuer);
	(void)peek(config, "token_file", d->token_file);
	(void)peek(config, "listen", d->listen);
	(void)peek(config, "metrics", d->metrics);
	(void)peek(config, "serve_feed", d->serve_feed);
	(void)peek(config, "tls_cert", d->tls_cert);
	settings_peek_all(config, "issuer", &d->addresses);
	settings_peek_all(config, "feed_from", &d->relays);
	return MM_OK;
}

static enum mm_err find_all(struct doctor *d, struct why *why)
{
	const struct arg_texts *urls = &d->args.urls;
	bool local;
	for (size_t i = 0; i < urls->count; i++)
		if (!probe_url_good(urls->at[i], &local))
			return why_say(why, MM_ERR_INVALID, NULL,
				       "--url takes an address, as "
				       "https://files.example.org/, without a "
				       "name and password in it");
	TRY(find_mint(d, why));
	TRY(find_host(d, why));
	if (d->mint || d->host || urls->count != 0)
		return MM_OK;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "there is no mint at %s and no state file at %s: say "
		       "--data DIR, --state FILE or --url URL",
		       d->data, d->state);
}

static size_t add_jobs(struct doctor_job *to, size_t n,
		       const struct doctor_job *from, size_t count)
{
	memcpy(to + n, from, count * sizeof *from);
	return n + count;
}

static size_t list_jobs(const struct doctor *d,
			struct doctor_job jobs[DOCTOR_JOBS])
{
	size_t n = add_jobs(jobs, 0, on_any, COUNT(on_any));
	if (d->mint)
		n = add_jobs(jobs, n, on_mint, COUNT(on_mint));
	if (d->host)
		n = add_jobs(jobs, n, on_host, COUNT(on_host));
	for (size_t i = 1; i < d->addresses.count; i++) /* after its name */
		jobs[n++] =
			(struct doctor_job){ "issuer.address", doctor_address,
					     d->addresses.at[i] };
	for (size_t i = 0; i < d->relays.count; i++)
		jobs[n++] = (struct doctor_job){ "feed_from", doctor_relay,
						 d->relays.at[i] };
	for (size_t i = 0; i < d->args.urls.count; i++)
		jobs[n++] = (struct doctor_job){ "proxy", doctor_proxy,
						 d->args.urls.at[i] };
	return n;
}
_Static_assert(ARG_TEXTS_MAX + COUNT(on_any) + COUNT(on_mint) + COUNT(on_host) +
			       2 * SETTING_LISTS <=
		       DOCTOR_JOBS,
	       "all jobs have room");

/* ---- saying it ---- */

static void put_finding(const json_t *f)
{
	const char *state = json_text(f, "state", "?");
	const char *next = json_text(f, "next", NULL);
	const char *check = json_text(f, "check", "?");
	printf("%-5s  ", strcmp(state, "wrong") == 0 ? "WRONG" : state);
	size_t columns = put_text(stdout, check);
	printf("%*s", columns < 18 ? 19 - (int)columns : 1, "");
	put_text(stdout, json_text(f, "detail", ""));
	putchar('\n');
	if (next == NULL)
		return;
	fputs("       next: ", stdout);
	put_text(stdout, next);
	putchar('\n');
}

static size_t count(const json_t *all, const char *state)
{
	size_t i, n = 0;
	const json_t *f;
	json_array_foreach(all, i, f) n +=
		strcmp(json_text(f, "state", ""), state) == 0;
	return n;
}

static void put_all(const json_t *all)
{
	size_t i, wrong = count(all, "wrong"), notes = count(all, "note");
	const json_t *f;
	json_array_foreach(all, i, f) put_finding(f);
	if (wrong != 0)
		printf("%zu of %zu findings are WRONG", wrong,
		       json_array_size(all));
	else
		printf("All is well: %zu findings", json_array_size(all));
	printf(notes == 1 ? ", 1 is a note\n" : ", %zu are notes\n", notes);
}

enum mm_err doctor_command(const struct args *a, struct why *why)
{
	struct doctor d = { .args = *a };
	struct doctor_job jobs[DOCTOR_JOBS];
	AUTO_JSON json_t *all = json_array();
	TRY(find_all(&d, why));
	doctor_run(&d, jobs, list_jobs(&d, jobs), LIMIT_MS, all);
	if (a->json)
		put_json(all);
	else
		put_all(all);
	return count(all, "wrong") == 0 ? MM_OK : MM_ERR_CONFLICT;
}
