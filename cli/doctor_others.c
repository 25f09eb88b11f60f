/* doctor_others.c - whom else an agent may turn to: the mint's further
 * addresses, and relays. */
#include <stdio.h>
#include <string.h>

#include "cli/doctor_judge.h"
#include "cli/probe.h"

/* It goes on without, until the others are away, too. */
static void look_at_other(const struct doctor *d, const char *check,
			  const char *certificate, const char *at, json_t *all)
{
	struct why why = { .text = "" };
	char url[SETTING_SIZE + 16];
	size_t n = strlen(at);
	AUTO_PROBE struct probe p = { .url = url };
	while (n != 0 && at[n - 1] == '/')
		n--;
	snprintf(url, sizeof url, "%.*s/health/ready", (int)n, at);
	if (!judge_address(at))
		found(all, FOUND_WRONG, check, "%s is no address", at);
	else if (probe_run(&p, &why) != MM_OK)
		found(all, FOUND_WRONG, check,
		      "%s; the agent does without, as long as another answers",
		      why.text);
	else
		found(all,
		      p.status == 200  ? FOUND_OK
		      : p.status < 500 ? FOUND_NOTE
				       : FOUND_WRONG,
		      check, "%s answers %ld from here, in %lld ms", at,
		      p.status, (long long)p.took);
	advise(all,
	       "on that host: mintmark doctor    # if it is there no more: out "
	       "of %s with it, and systemctl restart mintmark-agent",
	       d->agent_config);
	p.url = at;
	doctor_certificate(&p, certificate, all);
}

void doctor_address(const struct doctor *d, const char *arg, json_t *all)
{
	look_at_other(d, "issuer.address", "issuer.certificate", arg, all);
}

void doctor_relay(const struct doctor *d, const char *arg, json_t *all)
{
	look_at_other(d, "feed_from", "feed_from.certificate", arg, all);
}
