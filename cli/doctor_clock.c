/* doctor_clock.c - clocks, and what ends: shared by the checks. */
#include <sys/timex.h>

#include "cli/doctor_judge.h"
#include "cli/probe.h"
#include "common/clock.h"
#include "common/duration.h"

/* Only asked, so anybody may; a container often knows nothing of it. */
void doctor_clock(const struct doctor *d, const char *arg, json_t *all)
{
	char now[32];
	struct timex t = { .modes = 0 };
	(void)d, (void)arg;
	date_write(now, clock_now());
	bool kept = adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0;
	if (kept)
		found(all, FOUND_OK, "clock", "%s, kept in step", now);
	else
		found(all, FOUND_NOTE, "clock",
		      "%s, and the kernel knows of nobody who keeps it in step",
		      now);
	advise(all, "timedatectl status    # in a container: on its host");
}

void doctor_compare(const struct probe *p, const char *check, const char *whose,
		    json_t *all)
{
	char text[JUDGED_SIZE];
	int64_t off = p->clock_off;
	if (!p->has_date)
		return;
	judge_time(text, off < 0 ? -off : off);
	enum found what = judge_clock(off);
	if (what == FOUND_OK)
		found(all, what, check, "agrees with %s", whose);
	else
		found(all, what, check,
		      "this host's clock is %s %s that of %s%s", text,
		      off < 0 ? "behind" : "ahead of", whose,
		      what == FOUND_WRONG
			      ? ": tokens are refused, or live too long"
			      : "");
	advise(all, "timedatectl set-ntp true && timedatectl status    # here, "
		    "and there");
}

void doctor_certificate(const struct probe *p, const char *check, json_t *all)
{
	char date[32], left[JUDGED_SIZE];
	if (p->cert_end == 0)
		return;
	int64_t seconds = p->cert_end - clock_now();
	date_write(date, p->cert_end);
	judge_time(left, seconds);
	found(all, judge_end(seconds), check,
	      "the certificate of %s ends in %s, at %s", p->url, left, date);
	advise(all, "renew it: certbot renew, or as it was made; then reload "
		    "what serves it");
}
