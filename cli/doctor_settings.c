/* doctor_settings.c - would an agent take what agent.conf says?  One that runs
 * has read it long ago; mintmark-agent --test says. */
#include "cli/doctor.h"
#include "common/buf.h"

#define TEST_MS	 5000
#define SAID_MAX 16384
#define REFUSED	 2 /* its exit */

static struct span first_line(struct span said)
{
	static const char program[] = "mintmark-agent: ";
	struct span line = said;
	if (!span_cut(&said, '\n', &line))
		line = said;
	size_t n = strlen(program);
	if (line.len > n && memcmp(line.at, program, n) == 0)
		line = span_of(line.at + n, line.len - n);
	return line;
}

/* What the file lacks its command line may say. */
static bool is_lack(struct span line)
{
	return memmem(line.at, line.len, " is missing: ", 13) != NULL;
}

static void say_refused(const struct doctor *d, struct span line, json_t *all)
{
	bool lack = is_lack(line);
	found(all, lack ? FOUND_NOTE : FOUND_WRONG, "agent.settings",
	      lack ? "%s alone is not enough for mintmark-agent (does its "
		     "command line say the rest?): %.*s"
		   : "mintmark-agent would not start again with %s: %.*s",
	      d->agent_config, (int)line.len, (const char *)line.at);
	advise(all,
	       "mintmark-agent --config '%s' --test    # until it says nothing",
	       d->agent_config);
}

void doctor_settings(const struct doctor *d, const char *arg, json_t *all)
{
	char config[SETTING_SIZE];
	AUTO_BUF struct buf text = buf_new(SAID_MAX);
	struct span said;
	(void)arg;
	if (d->agent_config == NULL ||
	    !span_copy(config, sizeof config, span_str(d->agent_config)))
		return;
	char *const test[] = { "mintmark-agent", "--config", config, "--test",
			       NULL };
	int rc = doctor_ask_tool(test, TEST_MS, &text);
	if (buf_done(&text, &said) != MM_OK)
		return;
	if (rc == 0)
		found(all, FOUND_OK, "agent.settings",
		      "mintmark-agent takes what %s says", config);
	else if (rc == REFUSED)
		say_refused(d, first_line(said), all);
}
