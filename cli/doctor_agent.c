/* doctor_agent.c - what an agent needs and has to tell: its token, the mint
 * within its reach, and uses that were not told yet. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor_judge.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "common/base64url.h"
#include "common/claims.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/jws.h"
#include "common/owner.h"
#include "common/use_format.h"
#include "mintmark/verify.h"

#define MOMENT_MS 2000 /* for events to come through */

static struct mm_verifier *open_state(const struct doctor *d,
				      int64_t (*now)(void *), void *now_ctx)
{
	struct mm_verifier *v = NULL;
	struct mm_options opt = { .state = d->state,
				  .flags = MM_NO_USE | MM_NO_CACHE,
				  .now = now,
				  .now_ctx = now_ctx };
	return mm_open(&opt, &v) == MM_OK ? v : NULL;
}

/* That it is stale its own check says. */
static void look(struct mm_verifier *v, struct mm_state *s)
{
	enum mm_err e = mm_state(v, s);
	MM_ASSERT(e == MM_OK || e == MM_ERR_STALE);
}

/* ---- uses ---- */

void doctor_uses(const struct doctor *d, const char *arg, json_t *all)
{
	char path[SETTING_SIZE + 16];
	AUTO_BUF struct buf b = buf_new(USE_FILE_MAX);
	struct span text;
	(void)arg;
	snprintf(path, sizeof path, "%s.pending", d->state);
	if (buf_read_others_file(&b, path, false, NULL) != MM_OK ||
	    buf_done(&b, &text) != MM_OK)
		return; /* none yet, not for us to read, or doctor_place says */
	struct judged_uses u;
	if (!judge_uses(text, clock_now(), &u))
		found(all, FOUND_NOTE, "uses",
		      "%s is damaged, or of another release than this program",
		      path);
	else if (u.late != 0)
		found(all, FOUND_WRONG, "uses",
		      "%zu uses of %zu tokens are not told; %zu of them are "
		      "idle for the mint and other hosts, while in use here",
		      u.uses, u.tokens, u.late);
	else
		found(all, judge_full(u.full), "uses",
		      "%zu uses of %zu tokens are to be told when it is time; "
		      "%u %% of the room for them is taken",
		      u.uses, u.tokens, u.full);
	advise(all, "journalctl -u mintmark-agent -n 50    # "
		    "uses.kept, uses.full");
}

/* ---- the token ---- */

static void replace(const struct doctor *d, json_t *all)
{
	advise(all,
	       "at the mint: mintmark token create -u agent -e 365d -s "
	       "mintmark:agent -q; here: into %s, mode 0600",
	       d->token_file);
}

static void renew(const struct doctor *d, const char *id, json_t *all)
{
	advise(all,
	       "at the mint: mintmark token rotate %s --overlap 1d -q; "
	       "here: into %s, mode 0600",
	       id, d->token_file);
}

/* Its window, if it has one, is moved on by the agent's own polls; its hard
 * limit by nobody. */
static void say_good(const struct doctor *d, const struct mm_token *t,
		     json_t *all)
{
	char date[32], left[JUDGED_SIZE];
	int64_t seconds = t->expires_at - clock_now();
	date_write(date, t->expires_at);
	judge_time(left, seconds);
	if (!mm_has_scope(t, "mintmark:agent"))
		found(all, FOUND_WRONG, "token",
		      "%s of %s lacks the scope mintmark:agent", t->id,
		      t->user);
	else if (seconds <= 0)
		found(all, FOUND_WRONG, "token",
		      "%s of %s has expired, at %s: the agent hears of nothing",
		      t->id, t->user, date);
	else
		found(all, judge_end(seconds), "token",
		      "%s of %s is good for another %s, until %s", t->id,
		      t->user, left, date);
	if (seconds <= 0 || !mm_has_scope(t, "mintmark:agent"))
		replace(d, all);
	else
		renew(d, t->id, all);
}

static void say_refused(const struct doctor *d, enum mm_err e, json_t *all)
{
	if (e == MM_ERR_STALE || e == MM_ERR_WRONG_ADDRESS) {
		found(all, FOUND_NOTE, "token", "cannot be checked here (%s)",
		      mm_reason(e));
		advise(all, "mintmark inspect <%s", d->token_file);
		return;
	}
	found(all, FOUND_WRONG, "token",
	      "the agent's token is refused (%s): it hears of nothing, or "
	      "soon will not",
	      mm_reason(e));
	replace(d, all);
}

static void check_mode(const struct doctor *d, const struct stat *st,
		       json_t *all)
{
	struct stat own;
	if ((st->st_mode & 077) == 0)
		return;
	found(all, FOUND_WRONG, "token.mode", "%s %s (mode %04o)",
	      judge_others(st->st_mode, "others can read"), d->token_file,
	      (unsigned)st->st_mode & 07777);
	advise(all,
	       lstat(d->token_file, &own) == 0 && owner_is_file(&own)
		       ? "chmod 600 '%s'    # and replace it: mintmark token "
			 "rotate, at the mint"
		       : "ls -l '%s'    # a link: is it yours? then close what "
			 "it leads to, and replace it: mintmark token rotate, "
			 "at the mint",
	       d->token_file);
}

static int64_t when_heard(void *heard_at)
{
	return *(const int64_t *)heard_at;
}

/* By what it says of itself, which nobody has verified. */
static bool says_expired(struct span token)
{
	struct jws t;
	struct claims c;
	uint8_t json[TOKEN_MAX];
	size_t n;
	return jws_split(token, &t) == MM_OK &&
	       base64url_decode(t.payload, json, sizeof json, &n) == MM_OK &&
	       claims_read(span_of(json, n), TOKEN_PAT, &c) == MM_OK &&
	       c.exp <= clock_now();
}

/* A state that is stale, for want of a token that is good perhaps, refuses
 * them all: then by the time of its last news, if that still stands there. */
static void check_token(const struct doctor *d, struct span token, json_t *all)
{
	struct mm_token t;
	struct mm_state s = { .heard_at = 0 };
	struct mm_verifier *v = open_state(d, NULL, NULL);
	if (v == NULL)
		return; /* the check of the state says why */
	enum mm_err e = mm_verify(v, (const char *)token.at, token.len, &t);
	look(v, &s);
	mm_close(v);
	if (e == MM_ERR_STALE && s.heard_at == 0 && says_expired(token))
		e = MM_ERR_EXPIRED;
	if (e == MM_ERR_STALE && s.heard_at != 0 &&
	    (v = open_state(d, when_heard, &s.heard_at)) != NULL) {
		e = mm_verify(v, (const char *)token.at, token.len, &t);
		mm_close(v);
	}
	if (e == MM_OK)
		say_good(d, &t, all);
	else
		say_refused(d, e, all);
}

/* `e`: why there is none, if nobody has said it better. */
static void say_no_token(const struct doctor *d, int e, const struct why *why,
			 json_t *all)
{
	if (access(d->token_file, F_OK) != 0 && errno == ENOENT) {
		found(all, FOUND_WRONG, "token",
		      "%s is not there: without its token the agent hears of "
		      "nothing",
		      d->token_file);
		replace(d, all);
		return;
	}
	found(all, FOUND_WRONG, "token", "%s",
	      why->text[0] ? why->text : strerror(e));
	advise(all, "%sls -l '%s'",
	       geteuid() == 0 ? "" : "sudo mintmark doctor; ", d->token_file);
}

void doctor_token(const struct doctor *d, const char *arg, json_t *all)
{
	AUTO_BUF struct buf b = buf_new(8192);
	struct span token;
	struct stat st;
	struct why why = { .text = "" };
	(void)arg;
	if (d->token_file[0] == '\0') {
		found(all, FOUND_NOTE, "token",
		      "where the agent's token is, nobody said");
		advise(all, "mintmark doctor --agent-config FILE    # with "
			    "token_file = ...");
		return;
	}
	if (stat(d->token_file, &st) != 0 ||
	    buf_read_others_file(&b, d->token_file, true, &why) != MM_OK ||
	    buf_done(&b, &token) != MM_OK) {
		say_no_token(d, errno, &why, all);
		return;
	}
	check_mode(d, &st, all);
	while (token.len != 0 && token.at[token.len - 1] <= ' ')
		token.len--;
	check_token(d, token, all);
}

/* ---- the mint, from here ---- */

static uint64_t seq_of(struct probe *p)
{
	struct span text;
	AUTO_JSON json_t *said =
		buf_done(&p->body, &text) == MM_OK
			? json_loadb((const char *)text.at, text.len, 0, NULL)
			: NULL;
	return (uint64_t)json_integer_value(json_object_get(said, "seq"));
}

/* Are we there, within a moment? */
static bool catches_up(struct mm_verifier *v, uint64_t seq, struct mm_state *s)
{
	struct timespec pause = { 0, 50 * 1000000L };
	int64_t until = clock_ms() + MOMENT_MS;
	for (;;) {
		look(v, s);
		if (s->sequence >= seq)
			return true;
		if (clock_ms() >= until)
			return false;
		nanosleep(&pause, NULL);
	}
}

static void say_distance(struct mm_verifier *v, uint64_t seq, const char *iss,
			 json_t *all)
{
	struct mm_state s;
	if (catches_up(v, seq, &s)) {
		found(all, FOUND_OK, "issuer.feed",
		      "this host knows all of the %llu events of %s",
		      (unsigned long long)seq, iss);
		return;
	}
	found(all, FOUND_WRONG, "issuer.feed",
	      "at event %llu, and %s is at %llu: what was revoked there is "
	      "taken here",
	      (unsigned long long)s.sequence, iss, (unsigned long long)seq);
	advise(all, "systemctl restart mintmark-agent; journalctl -u "
		    "mintmark-agent -n 50    # feed.refused");
}

static void say_answer(const struct probe *p, const char *iss, bool has_seq,
		       json_t *all)
{
	bool ill = has_seq && p->status != 200;
	found(all,
	      ill	? FOUND_WRONG
	      : has_seq ? FOUND_OK
			: FOUND_NOTE,
	      "issuer", "%s answers %ld from here, in %lld ms%s", iss,
	      p->status, (long long)p->took,
	      ill ? ": it says that it is not well" : "");
	advise(all,
	       ill ? "on the mint's host: mintmark doctor    # or here: curl "
		     "-i '%s/health/ready'"
		   : "curl -i '%s/health/ready'    # hidden by its proxy? then "
		     "whether this host is behind cannot be told",
	       iss);
}

/* By its health page, which anybody may ask: the agent's token stays where it
 * is. */
static void reach(const char *iss, struct mm_verifier *v, json_t *all)
{
	struct why why = { .text = "" };
	char url[400];
	AUTO_PROBE struct probe p = { .url = url };
	snprintf(url, sizeof url, "%.300s/health/ready", iss);
	if (probe_run(&p, &why) != MM_OK) {
		found(all, FOUND_WRONG, "issuer", "%s", why.text);
		advise(all,
		       "curl -v '%s/version'    # its name, the network, "
		       "the certificate",
		       iss);
		return;
	}
	uint64_t seq = seq_of(&p);
	say_answer(&p, iss, seq != 0, all);
	p.url = iss;
	doctor_certificate(&p, "issuer.certificate", all);
	doctor_compare(&p, "issuer.clock", iss, all);
	if (seq != 0 && v != NULL)
		say_distance(v, seq, iss, all);
}

/* The state file is the agent's user's, and root is to paste no word of his. */
static void say_no_address(const char *iss, json_t *all)
{
	found(all, FOUND_WRONG, "issuer", "%s is no address of an issuer", iss);
	advise(all, "systemctl restart mintmark-agent    # with issuer = "
		    "https://HOST, as its tokens say it in iss");
}

/* Its token says which of them was meant. */
static void say_another(const struct doctor *d, const char *named,
			const char *iss, json_t *all)
{
	found(all, FOUND_WRONG, "issuer.name",
	      "%s names the issuer %s, and %s is of %s: an agent that starts "
	      "with that begins anew, and every token of the old one is "
	      "refused",
	      d->agent_config, named, d->state, iss);
	advise(all,
	       "mintmark inspect <'%s'    # its iss, to the letter, is what "
	       "issuer in %s is to be; then systemctl restart mintmark-agent",
	       d->token_file[0] ? d->token_file : "TOKEN-FILE",
	       d->agent_config);
}

/* As the agent names it. */
static void read_name(const struct doctor *d, char iss[SETTING_SIZE])
{
	size_t n = strlen(d->issuer);
	while (n != 0 && d->issuer[n - 1] == '/')
		n--;
	snprintf(iss, SETTING_SIZE, "%.*s", (int)n, d->issuer);
}

/* Whom the agent asks is whom its settings name. */
void doctor_reach(const struct doctor *d, const char *arg, json_t *all)
{
	char named[SETTING_SIZE];
	struct mm_state s = { .issuer = "" };
	struct mm_verifier *v = open_state(d, NULL, NULL);
	(void)arg;
	if (v != NULL)
		look(v, &s);
	read_name(d, named);
	bool other = s.issuer[0] != '\0' && named[0] != '\0' &&
		     strcmp(named, s.issuer) != 0;
	const char *iss = s.issuer[0] ? s.issuer : named;
	if (iss[0] != '\0' && !judge_address(iss))
		say_no_address(iss, all);
	else if (other)
		say_another(d, named, iss, all);
	if (other)
		iss = named;
	if (judge_address(iss))
		reach(iss, other ? NULL : v, all);
	mm_close(v);
}
