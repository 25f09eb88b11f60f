/* main.c - mintmarkd: the mint.  Settings, start, signals, stop. */
#include <signal.h>
#include <stddef.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/secrecy.h"
#include "issuer/start.h"

#define ROW(name, kind, standard, arg, help)                                   \
	{ #name, kind, standard,                                               \
	  arg,	 help, offsetof(struct issuer_settings, name) },

static const struct setting rows[] = { ISSUER_SETTINGS(ROW) };

static const struct settings_table table = {
	.program = "mintmarkd",
	.usage = "mintmarkd - the mint: issues personal access tokens\n"
		 "\n"
		 "  mintmarkd --dev\n"
		 "  mintmarkd --data /var/lib/mintmark "
		 "--issuer https://pat.example.org --behind-proxy\n"
		 "  mintmarkd migrate [--config FILE] [--data DIR] "
		 "[--store URL]\n"
		 "            bring the store up to this release's version "
		 "(a file is\n"
		 "            brought up at each start), and exit",
	.config = "/etc/mintmark/mintmarkd.conf",
	.rows = rows,
	.count = sizeof rows / sizeof rows[0],
};

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

static void reload(struct issuer *is)
{
	const struct stamp stamp = { .by = "SIGHUP", .at = clock_now() };
	signing_reload_or_log(is->signing, &stamp);
}

static void serve(struct running *r, const sigset_t *set)
{
	for (int sig = 0; sigwait(set, &sig) == 0;) {
		if (sig != SIGHUP)
			return;
		reload(&r->is);
	}
}

/* The one time when the reader is a person who has just started us. */
static void greet(const struct running *r)
{
	const struct issuer_settings *set = &r->is.set;
	const char *file = set->store[0] ? "" : "/mintmark.db, ";
	fprintf(stderr,
		"mintmarkd %s serves %s on %s\n"
		"  console   %s/console/\n"
		"  %s%s/keys, %s%s%s/admin.sock\n"
		"next, in another terminal:\n"
		"  export MINTMARK_SOCKET=%s/admin.sock\n"
		"  mintmark token create -u alice -e 30d -l \"first token\"\n",
		MM_VERSION, set->issuer, set->listen, set->issuer,
		r->first_start ? "made      " : "uses      ", set->data,
		file[0] ? set->data : "", file, set->data, set->data);
}

/* What could be safer.  --dev is for trying out. */
static void warn(const struct issuer_settings *set, enum secrecy keys)
{
	if (geteuid() == 0 && !set->dev)
		log_event(LOG_WARNING, "issuer.root",
			  "detail=runs as root: whoever breaks in is root; "
			  "say --user NAME, or start it as another user");
	if (keys != SECRECY_LOCKED)
		log_event(LOG_WARNING, "issuer.memory",
			  "detail=private keys may be swapped out: let "
			  "mintmarkd lock 1 MiB (RLIMIT_MEMLOCK)");
}

static int say(const struct why *why, int code)
{
	fprintf(stderr, "mintmarkd: %s\n", why->text);
	return code;
}

static int run(struct running *r, enum secrecy keys)
{
	struct why why = { .text = "" };
	sigset_t signals;
	block_signals(&signals);
	if (issuer_start(r, &why) != MM_OK)
		return say(&why, r->no_database ? EX_TEMPFAIL : 1);
	log_event(LOG_NOTICE, "issuer.start", "version=%s issuer=%s listen=%s",
		  MM_VERSION, r->is.set.issuer, r->is.set.listen);
	warn(&r->is.set, keys);
	greet(r);
	serve(r, &signals);
	bool outdated = health_outdated(r->is.health);
	log_event(LOG_NOTICE, "issuer.stop", "detail=finishing requests");
	issuer_stop(r);
	return outdated ? 1 : 0;
}

static int migrate(struct issuer *is)
{
	struct why why = { .text = "" };
	return issuer_migrate(is, &why) == MM_OK ? 0 : say(&why, 1);
}

int main(int argc, char **argv)
{
	static struct running r; /* zero; too large for a stack */
	struct why why = { .text = "" };
	enum settings_wish wish;
	bool migrates = argc > 1 && strcmp(argv[1], "migrate") == 0;
	heap_gives_back();
	secrecy_of_process();
	enum secrecy keys = secrecy_of_keys();
	enum mm_err e = settings_read(&table, argc - migrates, argv + migrates,
				      &r.is.set, &wish, &why);
	if (e == MM_OK && wish == SETTINGS_RUN && migrates)
		return migrate(&r.is);
	if (e == MM_OK && wish != SETTINGS_HELP)
		e = settings_settle(&r.is.set, &why);
	if (e != MM_OK)
		return say(&why, 2);
	if (wish == SETTINGS_PRINT)
		settings_print_values(&table, &r.is.set);
	if (wish == SETTINGS_TEST &&
	    settings_try_files(&r.is.set, &why) != MM_OK)
		return say(&why, 2);
	return wish == SETTINGS_RUN ? run(&r, keys) : 0;
}
