/* main.c - mintmark-agent: follows the issuer's feed for all processes of a
 * host.  Settings, start, signals, stop; the follower does the work. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/heap.h"
#include "common/json_heap.h"
#include "common/log.h"
#include "common/metrics_serve.h"
#include "common/owner.h"
#include "common/secrecy.h"
#include "common/settings.h"
#include "verifier/agent/metrics.h"
#include "verifier/agent/revoked.h"
#include "verifier/follow.h"

/* clang-format off */
/*        name           kind          default arg     help */
#define AGENT_SETTINGS(X)                                                                       \
	X(issuer,        SET_TEXTS,    "",     "URL",  "the issuer, as its tokens name it; more of them: other addresses of the same") \
	X(feed_from,     SET_TEXTS,    "",     "URL",  "a relay (an agent with --serve-feed) to follow instead, while it answers; more of them: in this order") \
	X(token_file,    SET_TEXT,     "",     "FILE", "a token with scope mintmark:agent, on one line") \
	X(state,         SET_TEXT,     "",     "FILE", "the state file to keep")                \
	X(max_staleness, SET_DURATION, "24h",  "DUR",  "refuse all tokens after so long without news") \
	X(jwks,          SET_TEXT,     "",     "FILE", "the issuer's public keys, instead of asking it at first contact") \
	X(listen,        SET_TEXT,     "",     "ADDR", "answer proxies' auth subrequests at HOST:PORT of loopback, or unix:/PATH") \
	X(metrics,       SET_TEXT,     "",     "HOST:PORT", "where Prometheus may read /metrics; else nowhere")    \
	X(access_tokens, SET_BOOL,     "",     "",     "there, take at+jwt access tokens, too, where an audience is asked for") \
	X(report_addresses, SET_BOOL,  "",     "",     "tell the issuer from which address a token was used (it keeps them with keep_addresses only)") \
	X(serve_feed,    SET_TEXT,     "",     "ADDR", "be a relay: serve the feed at HOST:PORT or unix:/PATH to agents with --feed-from") \
	X(tls_cert,      SET_TEXT,     "",     "FILE", "there, PEM certificate chain: serve https") \
	X(tls_key,       SET_TEXT,     "",     "FILE", "PEM private key of tls_cert") \
	X(behind_proxy,  SET_BOOL,     "",     "",     "there, a TLS proxy stands in front: plain HTTP beyond loopback is meant, and the last X-Forwarded-For is the client") \
	X(warn_before,   SET_DURATION, "14d",  "DUR",  "there, say when a token ends (Sunset), from so long before it on")
/* clang-format on */

struct agent_settings {
#define X(name, kind, standard, arg, help) SETTING_FIELD_##kind(name)
	AGENT_SETTINGS(X)
#undef X
};

#define ROW(name, kind, standard, arg, help)                                   \
	{ #name, kind, standard,                                               \
	  arg,	 help, offsetof(struct agent_settings, name) },

static const struct setting rows[] = { AGENT_SETTINGS(ROW) };

static const struct settings_table table = {
	.program = "mintmark-agent",
	.usage =
		"mintmark-agent - keeps a host's state file true\n"
		"\n"
		"  mintmark-agent --issuer https://pat.example.org "
		"--token-file FILE --state FILE\n"
		"  mintmark-agent revoked [--config FILE] [--state FILE]\n"
		"            the ids that the state file holds as revoked, one "
		"a line: for a\n"
		"            mint that was put back from a backup of before, "
		"and its\n"
		"            mintmark token revoke --stdin",
	.config = "/etc/mintmark/agent.conf",
	.rows = rows,
	.count = sizeof rows / sizeof rows[0],
};

/* ---- settings ---- */

static enum mm_err missing(const char *flag, const char *what, struct why *why)
{
	return why_say(why, MM_ERR_INVALID, NULL, "%s is missing: %s", flag,
		       what);
}

static enum mm_err fill_urls(const struct setting_texts *s,
			     char to[][LINK_TEXT], size_t *count,
			     struct why *why)
{
	for (size_t i = 0; i < s->count; i++) {
		struct span url = span_str(s->at[i]);
		while (url.len != 0 && url.at[url.len - 1] == '/')
			url.len--;
		(void)span_copy(to[i], LINK_TEXT, url);
		TRY(fetch_check_url(to[i], why));
	}
	*count = s->count;
	return MM_OK;
}

static enum mm_err fill_issuer(const struct agent_settings *s,
			       struct link_target *to, struct why *why)
{
	if (s->issuer.count == 0)
		return missing("--issuer", "the URL of the issuer", why);
	TRY(fill_urls(&s->issuer, to->url, &to->count, why));
	TRY(fill_urls(&s->feed_from, to->feed_from, &to->relays, why));
	(void)span_copy(to->token_file, LINK_TEXT, span_str(s->token_file));
	return MM_OK;
}
_Static_assert(LINK_URLS >= SETTING_LISTS && LINK_TEXT >= SETTING_SIZE,
	       "what can be set fits");

static struct relay_options relay_of(const struct agent_settings *s,
				     const struct link_target *issuer)
{
	return (struct relay_options){ .at = { .name = "serve-feed",
					       .listen = s->serve_feed,
					       .tls_cert = s->tls_cert,
					       .tls_key = s->tls_key,
					       .behind_proxy =
						       s->behind_proxy },
				       .state = s->state,
				       .issuer = issuer };
}

static enum mm_err check_relay(const struct agent_settings *s, struct why *why)
{
	const struct relay_options opt = relay_of(s, NULL);
	return s->serve_feed[0] == '\0' ? MM_OK : relay_check(&opt, why);
}

/* All that they name, and that a start would read. */
static enum mm_err try_files(const struct agent_settings *s,
			     const struct follower_options *opt,
			     struct why *why)
{
	const struct relay_options relay = relay_of(s, NULL);
	if (s->serve_feed[0] != '\0')
		TRY(relay_try_files(&relay, why));
	return follower_check_files(opt, why);
}

static enum mm_err fill(const struct agent_settings *s,
			struct follower_options *to, struct why *why)
{
	TRY(fill_issuer(s, &to->issuer, why));
	if (s->token_file[0] == '\0')
		return missing("--token-file",
			       "a file with a token of scope mintmark:agent",
			       why);
	if (s->state[0] == '\0')
		return missing("--state", "where to keep the state file", why);
	if (s->max_staleness < 1)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--max-staleness must be a second or more");
	if (s->listen[0] != '\0')
		TRY(door_check(s->listen, why));
	TRY(check_relay(s, why));
	TRY(metrics_check(s->metrics, why));
	to->state = s->state;
	to->jwks_file = s->jwks[0] ? s->jwks : NULL;
	to->max_staleness = s->max_staleness;
	to->report_addresses = s->report_addresses;
	return MM_OK;
}

/* ---- running ---- */

static void say(void *ctx, const struct follower_news *n)
{
	(void)ctx;
	if (n->e == MM_OK)
		log_event(n->level, n->event, "issuer=%s seq=%llu", n->url,
			  (unsigned long long)n->seq);
	else
		log_event(n->level, n->event,
			  "reason=%s detail=%s issuer=%s seq=%llu",
			  mm_err_word(n->e), n->text, n->url,
			  (unsigned long long)n->seq);
}

/* Signals are read, not handled: blocked before the first thread starts. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The token file is read for each request; SIGHUP only means "now". */
static void serve(struct follower *f, const sigset_t *set)
{
	for (int sig = 0; sigwait(set, &sig) == 0;) {
		if (sig != SIGHUP)
			return;
		log_event(LOG_INFO, "agent.reload", "detail=trying again now");
		follower_wake(f);
	}
}

static int refuse(int status, const struct why *why)
{
	fprintf(stderr, "mintmark-agent: %s\n", why->text);
	return status;
}

static int print_revoked(const struct agent_settings *set)
{
	struct why why = { .text = "" };
	if (set->state[0] == '\0') {
		(void)missing("--state", "the state file to read", &why);
		return refuse(2, &why);
	}
	return revoked_print(set->state, &why) == MM_OK ? 0 : refuse(1, &why);
}

/* It decides nothing that is believed here: said, and no more. */
static void warn_open_token(const char *path)
{
	struct stat st;
	struct why why = { .text = "" };
	if (stat(path, &st) != 0)
		return;
	if (owner_check(&st, geteuid(), path, &why) == MM_OK &&
	    (st.st_mode & 077) != 0)
		snprintf(why.text, sizeof why.text,
			 "others can read this token: chmod 600, and replace "
			 "it if they may have");
	if (why.text[0] != '\0')
		log_event(LOG_WARNING, "agent.token_file", "path=%s detail=%s",
			  path, why.text);
}

/* All that an agent is. */
struct agent {
	const struct agent_settings *set;
	struct follower_options opt;
	struct relay_options relay_opt;
	struct relay *relay; /* NULL: it is none */
	struct door *door;   /* the same */
	struct agent_metrics shown;
};

/* What is wanted besides the follower: the relay, the door, and metrics. */
static enum mm_err open_doors(struct agent *a, struct why *why)
{
	const struct agent_settings *set = a->set;
	const struct door_options opt = { set->listen, set->state,
					  set->access_tokens, set->warn_before,
					  a->shown.follower };
	if (a->relay != NULL)
		TRY(relay_start(a->relay, a->shown.follower, why));
	if (set->listen[0] != '\0')
		TRY(door_start(&opt, &a->door, why));
	a->shown.door = a->door;
	a->shown.relay = a->relay;
	return agent_metrics_start(&a->shown, set->metrics, why);
}

static enum mm_err start(struct agent *a, struct why *why)
{
	a->relay_opt = relay_of(a->set, &a->opt.issuer);
	if (a->set->serve_feed[0] != '\0') {
		TRY(relay_try_files(&a->relay_opt, why));
		TRY(relay_new(&a->relay_opt, &a->relay, why));
		a->opt.pass = relay_pass;
		a->opt.pass_ctx = a->relay;
		a->opt.relay_id = relay_id(a->relay);
	}
	TRY(follower_start(&a->opt, &a->shown.follower, why));
	return open_doors(a, why);
}

static void stop(struct agent *a)
{
	http_stop(a->shown.http);
	door_stop(a->door);
	relay_stop(a->relay);
	follower_stop(a->shown.follower, false);
	relay_free(a->relay);
}

static enum mm_err run(const struct agent_settings *set,
		       const struct follower_options *opt, struct why *why)
{
	sigset_t signals;
	struct agent a = { .set = set,
			   .opt = *opt,
			   .shown = { .state = set->state,
				      .max_staleness = set->max_staleness } };
	block_signals(&signals);
	json_heap_watch(free);
	enum mm_err e = start(&a, why);
	if (e == MM_OK) {
		log_event(LOG_NOTICE, "agent.start",
			  "version=%s issuer=%s state=%s listen=%s "
			  "serve_feed=%s",
			  MM_VERSION, opt->issuer.url[0], opt->state,
			  set->listen, set->serve_feed);
		warn_open_token(set->token_file);
		serve(a.shown.follower, &signals);
		log_event(LOG_NOTICE, "agent.stop", "detail=saving");
	}
	stop(&a);
	return e;
}

int main(int argc, char **argv)
{
	struct agent_settings set;
	struct follower_options opt = { .say = say };
	struct why why = { .text = "" };
	enum settings_wish wish;
	heap_gives_back();
	secrecy_of_process(); /* it holds its token, and hears those of others
			       */
	bool asked = argc > 1 && strcmp(argv[1], "revoked") == 0;
	enum mm_err e = settings_read(&table, argc - asked, argv + asked, &set,
				      &wish, &why);
	if (e == MM_OK && wish == SETTINGS_RUN && asked)
		return print_revoked(&set);
	if (e == MM_OK && (wish == SETTINGS_RUN || wish == SETTINGS_TEST))
		e = fill(&set, &opt, &why);
	if (e == MM_OK && wish == SETTINGS_TEST)
		e = try_files(&set, &opt, &why);
	if (e != MM_OK)
		return refuse(2, &why);
	if (wish == SETTINGS_PRINT)
		settings_print_values(&table, &set);
	if (wish != SETTINGS_RUN)
		return 0;

	umask(022);
	return run(&set, &opt, &why) == MM_OK ? 0 : refuse(1, &why);
}
