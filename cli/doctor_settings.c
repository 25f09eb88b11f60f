/* doctor_settings.c - would a daemon take what its file says?  One that runs
 * has read it long ago; its --test says. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/output.h"
#include "common/buf.h"

#define TEST_MS	 5000
#define SAID_MAX 16384
#define REFUSED	 2 /* their exit */

/* Whose settings, and where they stand. */
struct tested {
	const char *check, *program, *config;
};

static bool is_log(struct span line)
{
	return line.len != 0 && line.at[0] == '{';
}

/* What it refuses it says for people, and what it warns of in its log. */
static struct span first_line(const char *program, struct span said)
{
	struct span line = span_line(&said);
	while (is_log(line))
		line = span_line(&said);
	size_t n = strlen(program);
	if (line.len > n + 2 && memcmp(line.at, program, n) == 0)
		line = span_of(line.at + n + 2, line.len - n - 2);
	return line;
}

static bool has(struct span line, const char *words)
{
	return memmem(line.at, line.len, words, strlen(words)) != NULL;
}

/* What the file lacks its command line may say. */
static bool is_lack(struct span line)
{
	return has(line, " is missing: ") || has(line, "say --issuer URL") ||
	       has(line, " or say behind_proxy = true ");
}

/* Of the files that it names some are the daemon's alone. */
static bool is_not_ours(struct span line)
{
	return geteuid() != 0 && has(line, strerror(EACCES));
}

static void say_refused(const struct tested *t, struct span line, json_t *all)
{
	bool closed = is_not_ours(line);
	if (closed || is_lack(line))
		found(all, FOUND_NOTE, t->check,
		      closed ? "whether %s is enough for %s root may see: %.*s"
			     : "%s alone is not enough for %s (does its "
			       "command line say the rest?): %.*s",
		      t->config, t->program, (int)line.len,
		      (const char *)line.at);
	else
		found(all, FOUND_WRONG, t->check,
		      "%s would not start again with %s: %.*s", t->program,
		      t->config, (int)line.len, (const char *)line.at);
	if (closed)
		advise(all, "sudo mintmark doctor");
	else
		advise(all,
		       "%s --config '%s' --test    # until it says nothing",
		       t->program, t->config);
}

/* It starts, and serves nobody well. */
static bool say_warned(const struct tested *t, struct span said, json_t *all)
{
	struct span line = span_line(&said);
	AUTO_JSON json_t *log = is_log(line) ? json_loadb((const char *)line.at,
							  line.len, 0, NULL)
					     : NULL;
	const char *detail = json_text(log, "detail", NULL);
	if (detail == NULL)
		return false;
	found(all, FOUND_WRONG, t->check, "%s takes what %s says, but %s",
	      t->program, t->config, detail);
	advise(all, "%s --config '%s' --test    # until it says nothing",
	       t->program, t->config);
	return true;
}

static void ask(const struct tested *t, json_t *all)
{
	char program[32], config[SETTING_SIZE];
	AUTO_BUF struct buf text = buf_new(SAID_MAX);
	struct span said;
	if (!span_copy(program, sizeof program, span_str(t->program)) ||
	    !span_copy(config, sizeof config, span_str(t->config)))
		return;
	char *const test[] = { program, "--config", config, "--test", NULL };
	int rc = doctor_ask_tool(test, TEST_MS, &text);
	if (buf_done(&text, &said) != MM_OK)
		return;
	if (rc == 0 && say_warned(t, said, all))
		return;
	if (rc == 0)
		found(all, FOUND_OK, t->check, "%s takes what %s says", program,
		      config);
	else if (rc == REFUSED)
		say_refused(t, first_line(program, said), all);
}

/* Not if the mint that is looked at is another than the usual file's. */
static bool is_of_mint(const struct doctor *d)
{
	char data[SETTING_SIZE];
	if (access(d->mint_config, R_OK) != 0)
		return false; /* all is in its command line; or not for us */
	if (d->args.mint_config != NULL)
		return true;
	if (settings_peek(d->mint_config, "data", data, NULL) != MM_OK)
		snprintf(data, sizeof data, "%s", DATA_STANDARD);
	return strcmp(data, d->data) == 0;
}

void doctor_mint_settings(const struct doctor *d, const char *arg, json_t *all)
{
	(void)arg;
	if (is_of_mint(d))
		ask(&(struct tested){ "mint.settings", "mintmarkd",
				      d->mint_config },
		    all);
}

void doctor_settings(const struct doctor *d, const char *arg, json_t *all)
{
	(void)arg;
	if (d->agent_config != NULL)
		ask(&(struct tested){ "agent.settings", "mintmark-agent",
				      d->agent_config },
		    all);
}
