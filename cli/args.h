/* args.h - the command line, read once into a struct by tables.
 *
 * A command lists the flags that it takes; each flag knows where its value
 * lands in struct args.  The same rows make the parser and --help.
 */
#ifndef MM_CLI_ARGS_H
#define MM_CLI_ARGS_H

#include <stddef.h>

#include "common/error.h"
#include "common/span.h"

#define ARG_TEXTS_MAX 64

struct arg_texts {
	const char *at[ARG_TEXTS_MAX];
	size_t count;
};

/* Everything that any command can be told.  Texts belong to argv. */
struct args {
	const char *user, *label, *expires, *status, *audience;
	const char *data, *state, *alg, *kid, *jwks;
	const char *after, *head, *from;
	const char *offline, *reissue, *passphrase_file;
	const char *mint_config, *agent_config;
	struct arg_texts scopes, audiences, needs, cidrs, urls;
	int64_t auto_refresh, overlap, expiring; /* seconds; 0: not given */
	bool quiet, json, allow_long, keep_expiry, from_stdin, no_use, force,
		yes, plain;
	bool access_tokens, jws, verify, follow, now;
	char **operand;
	size_t operand_count;
};

enum flag_kind {
	FLAG_BOOL,	    /* bool */
	FLAG_TEXT,	    /* const char *, given once, not "" */
	FLAG_LABEL,	    /* the same, or "" */
	FLAG_TEXTS,	    /* struct arg_texts, may be repeated */
	FLAG_DURATION,	    /* int64_t seconds */
	FLAG_DURATION_OR_0, /* the same, or 0 */
	FLAG_JSON,	    /* bool: the value must be "json" */
};

struct flag {
	char letter; /* 0: none */
	const char *name;
	enum flag_kind kind;
	const char *value; /* "USER", for --help; NULL for FLAG_BOOL */
	size_t offset;	   /* in struct args */
	const char *help;
	bool mandatory;
};

struct command {
	const char *name; /* "token create" */
	const char *synopsis;
	const char *about; /* one line */
	const struct flag *flags;
	size_t flag_count;
	size_t operands_max;
	const char *examples;
	/* MM_ERR_INVALID is the user's mistake (exit 2).  An empty
	 * why->text means that all has been said. */
	enum mm_err (*run)(const struct args *a, struct why *why);
};

/* Read argv[0..argc), where argv[0] is the command's last word.
 * MM_ERR_INVALID with one sentence; *help is set when --help was asked. */
MM_MUST_USE enum mm_err args_read(const struct command *c, int argc,
				  char **argv, struct args *out, bool *help,
				  struct why *why);
void args_print_help(const struct command *c);

#endif
