/* doctor_proxy.c - an address that a proxy guards, tried from outside as a
 * stranger would. */
#include <stdio.h>

#include "cli/doctor_judge.h"
#include "cli/output.h"
#include "cli/probe.h"

static const char *const plain[] = { NULL };
static const char *const garbage[] = { "Authorization: Bearer mintmark-doctor",
				       NULL };
/* What the examples in deploy/ tell a service, and remove from a client. */
static const char *const identity[] = { "X-Mintmark-User: mintmark-doctor",
					"X-Mintmark-Id: 1.1",
					"X-Mintmark-Scopes: *",
					"X-Mintmark-Expires: 2099-01-01",
					"X-Mintmark-Need;", /* curl's: empty */
					NULL };
static const char *const both[] = { "Authorization: Bearer mintmark-doctor",
				    "X-Mintmark-User: mintmark-doctor",
				    "X_Mintmark_User: mintmark-doctor", NULL };

static const struct trial {
	const char *check, *what;
	const char *const *headers;
	bool challenge; /* it must be told how to log in */
	bool may_400;	/* the agent calls it a bad request */
} trials[] = {
	{ "proxy.anonymous", "without a token", plain, true, false },
	{ "proxy.garbage", "with a token that is none", garbage, true, false },
	{ "proxy.identity", "with X-Mintmark-* headers and no token", identity,
	  false, true },
	{ "proxy.identity", "with X-Mintmark-User and a token that is none",
	  both, false, true },
};

static const char look_at[] =
	"grep -rn mintmark /etc/nginx /etc/caddy /etc/apache2    # is it in "
	"force there?  deploy/ has: include mintmark/auth.conf (nginx), "
	"forward_auth (Caddy), LuaHookAccessChecker (Apache)";

static void say_open(const struct probe *p, const struct trial *t, json_t *all)
{
	found(all, FOUND_WRONG, t->check, "%s answers %ld %s: it is open",
	      p->url, p->status, t->what);
	advise(all, "%s", look_at);
}

static void say_away(const struct probe *p, const struct trial *t, json_t *all)
{
	found(all, FOUND_WRONG, t->check,
	      "%s answers %ld %s: its proxy cannot ask the agent, or does not "
	      "say what is needed",
	      p->url, p->status, t->what);
	advise(all, "mintmark doctor; journalctl -u mintmark-agent -n 20    # "
		    "and is the proxy's user in the agent's group?");
}

static void say_moved(const struct probe *p, const struct trial *t, json_t *all)
{
	found(all, FOUND_NOTE, t->check,
	      "%s answers %ld %s: who guards it cannot be told", p->url,
	      p->status, t->what);
	advise(all,
	       "mintmark doctor --url ADDRESS    # of what a token opens: "
	       "curl -sI '%s' says where it leads",
	       p->url);
}

static void say_refused(const struct probe *p, const struct trial *t,
			json_t *all)
{
	bool mute = t->challenge && !p->bearer && !p->basic;
	if (mute)
		found(all, FOUND_WRONG, t->check,
		      "%s answers 401 %s, and no WWW-Authenticate: clients "
		      "cannot know how to log in",
		      p->url, t->what);
	else
		found(all, FOUND_OK, t->check, "%s answers %ld %s", p->url,
		      p->status, t->what);
	advise(all, "%s", look_at);
}

static void judge(const struct probe *p, const struct trial *t, json_t *all)
{
	if (p->status == 401 || (t->may_400 && p->status == 400))
		say_refused(p, t, all);
	else if (p->status < 300)
		say_open(p, t, all);
	else if (p->status >= 500)
		say_away(p, t, all);
	else
		say_moved(p, t, all);
}

/* False: nobody answers, and that is said. */
static bool try_one(const char *url, const struct trial *t, bool first,
		    json_t *all)
{
	struct why why = { .text = "" };
	AUTO_PROBE struct probe p = { .url = url, .headers = t->headers };
	if (probe_run(&p, &why) != MM_OK) {
		found(all, FOUND_WRONG, t->check, "%s", why.text);
		advise(all, "curl -v '%s'", url);
		return false;
	}
	judge(&p, t, all);
	if (first) {
		doctor_certificate(&p, "proxy.certificate", all);
		doctor_compare(&p, "proxy.clock", url, all);
	}
	if (p.reason && strcmp(t->check, "proxy.garbage") == 0) {
		found(all, FOUND_NOTE, "proxy.reason",
		      "%s tells strangers why (X-Mintmark-Reason)", url);
		advise(all, "remove that header from answers, as deploy/ does");
	}
	return true;
}

static void say_unseen(const char *url, json_t *all)
{
	found(all, FOUND_NOTE, "proxy.unseen",
	      "not to be told from outside, at %s: whether a client with a "
	      "good "
	      "token can say X-Mintmark-User for himself, and whether other "
	      "paths are open",
	      url);
	advise(all,
	       "curl -H 'X-Mintmark-User: root' -H @- '%s' "
	       "<<<\"Authorization: Bearer $TOKEN\"    # and see what the "
	       "service was told",
	       url);
}

void doctor_proxy(const struct doctor *d, const char *url, json_t *all)
{
	bool local = false;
	(void)d;
	(void)probe_url_good(url, &local);
	for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++)
		if (!try_one(url, &trials[i], i == 0, all))
			return;
	if (strncmp(url, "https:", 6) != 0 && !local) {
		found(all, FOUND_WRONG, "proxy.tls",
		      "%s is not encrypted: tokens travel in the clear", url);
		advise(all, "give that server a certificate, and ask again by "
			    "https://");
	}
	say_unseen(url, all);
}
