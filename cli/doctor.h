/* doctor.h - what the checks of mintmark doctor share.
 *
 * A check looks at one thing and writes down what it found.  Each is in a
 * process of its own, all at once, and has so long and no longer: what is
 * dead or hangs keeps nothing else from being looked at.  A check changes
 * nothing, holds no lock for longer than it takes to ask whether another does,
 * and shows no secret to anybody.
 */
#ifndef MM_CLI_DOCTOR_H
#define MM_CLI_DOCTOR_H

#include <jansson.h>

#include "cli/args.h"
#include "common/buf.h"
#include "common/settings.h"

/* ---- what is found ---- */

enum found { FOUND_OK, FOUND_NOTE, FOUND_WRONG };
#define FOUND_KINDS (FOUND_WRONG + 1)

/* Add a finding to the array `all`: what was seen, with figures. */
void found(json_t *all, enum found what, const char *check, const char *fmt,
	   ...) MM_PRINTF(4, 5);
/* The next step, for the finding added last; not if that one is ok.  Where it
 * can be: a command to be pasted. */
void advise(json_t *all, const char *fmt, ...) MM_PRINTF(2, 3);

/* A check of another program's /health/ready, and what we advise when it fails
 * (common/health_checks.h). */
struct known_check {
	const char *name, *advice;
};
extern const struct known_check doctor_mint_checks[]; /* end in a NULL */
extern const struct known_check doctor_agent_checks[];

/* Add what `who` says of itself there, each of its checks that is not ok as
 * PREFIX.NAME.  Who answers may be anybody: the names that are printed and the
 * advice are ours, never his; `next` is for what we do not know.  How many
 * these are. */
struct asked {
	const char *prefix, *who, *next;
	const struct known_check *checks;
};
size_t found_failing(json_t *all, const json_t *said, const struct asked *of);

/* ---- what there is here ---- */

struct doctor {
	struct args args; /* its `data` is filled, where there is a mint */
	bool mint, host;  /* a mint's data folder; a host that verifies */
	bool elsewhere;	  /* its store is in PostgreSQL, its settings say */
	const char *mint_config; /* the file of these */
	char data[SETTING_SIZE];
	char state[SETTING_SIZE];
	const char *agent_config; /* NULL: nobody said, or it is another's */
	/* what that says, or "" */
	char issuer[SETTING_SIZE], token_file[SETTING_SIZE];
	char listen[SETTING_SIZE], metrics[SETTING_SIZE];
	char serve_feed[SETTING_SIZE], tls_cert[SETTING_SIZE];
	struct setting_texts addresses, relays; /* issuer, feed_from */
};

/* ---- checks ---- */

/* `arg` is the job's. */
typedef void doctor_look(const struct doctor *d, const char *arg, json_t *all);

struct doctor_job {
	const char *name;
	doctor_look *look;
	const char *arg;
};

#define DOCTOR_JOBS 128

/* Run them all, each for `limit` ms at most, and add what they found to *all,
 * in the order of the jobs. */
void doctor_run(const struct doctor *d, const struct doctor_job *jobs, size_t n,
		int64_t limit, json_t *all);

doctor_look doctor_mint, doctor_health; /* doctor_issuer.c */
doctor_look doctor_overview, doctor_public;
doctor_look doctor_folder;			     /* doctor_folder.c */
doctor_look doctor_store, doctor_whole;		     /* doctor_store.c */
doctor_look doctor_keys;			     /* doctor_keys.c */
doctor_look doctor_state, doctor_agent, doctor_door; /* doctor_host.c */
doctor_look doctor_place;			     /* doctor_place.c */
doctor_look doctor_uses, doctor_token, doctor_reach; /* doctor_agent.c */
doctor_look doctor_mint_settings, doctor_settings;   /* doctor_settings.c */
doctor_look doctor_address, doctor_relay;	     /* doctor_others.c */
doctor_look doctor_proxy;			     /* doctor_proxy.c */
doctor_look doctor_clock;			     /* doctor_clock.c */

/* Is the data folder another's than the mint?  It says so by itself; and root,
 * who goes by whose it is, takes the keyring for another's.  (doctor_folder.c)
 */
bool doctor_given_away(const struct doctor *d);
/* Is keys/ a link into another's folder?  That, too, says so by itself, and
 * nothing behind it is looked at. */
bool doctor_keys_lead_away(const struct doctor *d);
/* Does the mint work on another mintmark.db than the one that lies there, or on
 * another log?  That, too; and who opened that one would spoil what the mint
 * has in memory of its log. */
bool doctor_store_moved(const struct doctor *d);
/* What another process says on `fd`, until it closes that.  False: it has not
 * by `until` (clock_ms()).  (doctor_run.c) */
bool doctor_hear(int fd, int64_t until, struct buf *out);
/* Run another program of ours, and with none of our settings: its exit, and
 * what it said.  -1: it has not ended within `ms`. */
#define DOCTOR_NO_TOOL 127 /* it is not there */
int doctor_ask_tool(char *const argv[], int64_t ms, struct buf *said);
/* Our clock against that of `whose`, if an answer of it told (probe.h). */
struct probe;
void doctor_compare(const struct probe *p, const char *check, const char *whose,
		    json_t *all);
/* Until when its certificate is good, if it had one. */
void doctor_certificate(const struct probe *p, const char *check, json_t *all);

#endif
