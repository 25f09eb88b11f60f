/* verify.c - mintmark verify: what a service would say of a token.
 *
 * The library answers, from the state file, as in any service; here are
 * only the words around the answer.
 */
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor_judge.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/place.h"
#include "cli/verify_jws.h"
#include "common/cidr.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/scope.h"
#include "mintmark/verify.h"

/* clang-format off */
static const struct {
	enum mm_err reason;
	const char *text;
} sentences[] = {
	{ MM_ERR_MALFORMED, "this is no token, or not the whole of one" },
	{ MM_ERR_BAD_SIGNATURE, "it was changed, or somebody made it up" },
	{ MM_ERR_UNKNOWN_KEY, "it is signed by a key that the issuer does not use (any more): make a new token" },
	{ MM_ERR_WRONG_ISSUER, "another issuer made it" },
	{ MM_ERR_WRONG_AUDIENCE, "it was made for another service" },
	{ MM_ERR_WRONG_USER, "it is another user's" },
	{ MM_ERR_WRONG_ADDRESS, "it is limited to addresses, and this is none of them: mintmark inspect shows its cidr, and --from says where it comes from" },
	{ MM_ERR_NOT_YET_VALID, "it is dated ahead: is this host's clock right?" },
	{ MM_ERR_EXPIRED, "its time is over: make a new one" },
	{ MM_ERR_IDLE, "it was not used for too long: make a new one" },
	{ MM_ERR_REVOKED, "it was taken back, for good, or lost with the mint's store: make a new one" },
	{ MM_ERR_SUSPENDED, "it is on hold: mintmark token reinstate gives it back" },
	{ MM_ERR_INSUFFICIENT_SCOPE, "the token is good, but not for this" },
	{ MM_ERR_UNAVAILABLE, "there is no state to verify from: is mintmark-agent running?" },
};
/* clang-format on */

static const char *sentence_of(enum mm_err e)
{
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
		if (sentences[i].reason == e)
			return sentences[i].text;
	return "the check could not be made";
}

/* ---- the state file ---- */

static const char *state_path(const struct args *a)
{
	const char *env = getenv("MINTMARK_STATE");
	return a->state ? a->state : env && env[0] ? env : STATE_STANDARD;
}

/* People start the agent and go on at once: give it 2 s to make its first
 * state, and 5 s when its lock file says that it is at it. */
static void wait_for(const char *path)
{
	char lock[4096];
	struct timespec pause = { 0, 50 * 1000000L };
	int64_t begin = clock_ms();
	snprintf(lock, sizeof lock, "%s.lock", path);
	while (access(path, F_OK) != 0) {
		int64_t patience = access(lock, F_OK) == 0 ? 5000 : 2000;
		if (clock_ms() - begin > patience)
			return;
		nanosleep(&pause, NULL);
	}
}

static enum mm_err open_state(const struct args *a, struct why *said,
			      struct mm_verifier **out)
{
	struct mm_options opt = {
		.state = state_path(a),
		.audience = a->audience,
		.flags = MM_NO_CACHE | (a->no_use ? MM_NO_USE : 0) |
			 (a->access_tokens ? MM_ACCESS_TOKENS : 0),
		.why = said->text,
		.why_size = sizeof said->text,
		.door = "verify"
	};
	wait_for(opt.state);
	TRY(mm_open(&opt, out));
	if (said->text[0] != '\0') { /* a warning */
		fputs("mintmark: ", stderr);
		put_text(stderr, said->text);
		fputc('\n', stderr);
	}
	said->text[0] = '\0';
	return MM_OK;
}

/* ---- why it is stale ---- */

/* The next one is written beside it. */
static bool is_full(const char *state)
{
	struct stat st;
	struct statvfs fs;
	return stat(state, &st) == 0 && statvfs(state, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < (uint64_t)st.st_size;
}

/* An agent that cannot write the next file, or hears nothing by the steady
 * clock, leaves the last one with no time of its news. */
static void say_stale(const struct args *a, struct mm_verifier *v,
		      struct why *why)
{
	struct mm_state s;
	char age[JUDGED_SIZE], max[JUDGED_SIZE];
	const char *path = state_path(a);
	enum mm_err e = mm_state(v, &s);
	judge_time(age, clock_now() - s.heard_at);
	judge_time(max, s.max_staleness);
	if (e == MM_OK)
		(void)why_say(why, e, NULL,
			      "this host has not heard of the token's list "
			      "yet: ask again in a moment. If it stays so, the "
			      "mint does not know it either: it came back from "
			      "a backup of before, and the token is to be made "
			      "anew");
	else if (s.heard_at != 0)
		(void)why_say(why, e, NULL,
			      "the newest news from the issuer are %s old, and "
			      "%s are allowed: is mintmark-agent running, and "
			      "the issuer within its reach?",
			      age, max);
	else if (is_full(path))
		(void)why_say(why, e, NULL,
			      "the disk of %.160s is full, and mintmark-agent "
			      "cannot write the next one: free some room, and "
			      "it goes on by itself",
			      path);
	else
		(void)why_say(why, e, NULL,
			      "mintmark-agent could not write %.160s, or has "
			      "heard nothing for more than %s: its log says "
			      "why (state.behind, feed.unreachable)",
			      path, max);
}

/* ---- the question ---- */

static enum mm_err check_question(const struct args *a, struct why *why)
{
	struct scope_word word;
	struct address from;
	struct why inner = { .text = "" };
	if (a->from && !address_parse(span_str(a->from), &from))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--from takes an address, as 192.0.2.7 or "
			       "2001:db8::7");
	if (a->access_tokens && a->audience == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--access-tokens needs --audience: an access "
			       "token is for one service, by name");
	for (size_t i = 0; i < a->needs.count; i++)
		if (scope_word_read(span_str(a->needs.at[i]), &word, &inner) !=
		    MM_OK)
			return why_say(why, MM_ERR_INVALID, NULL, "--need: %s",
				       inner.text);
	return MM_OK;
}

static bool has_need(const struct mm_token *t, const char *need)
{
	struct scope_word word;
	char type[SCOPE_ID_SIZE], id[SCOPE_ID_SIZE];
	const char *ids[1] = { id };
	if (scope_word_read(span_str(need), &word, NULL) != MM_OK)
		return false;
	if (word.perm == 0)
		return mm_has_scope(t, need);
	return span_copy(type, sizeof type, word.type) &&
	       span_copy(id, sizeof id, word.id) &&
	       mm_allow(t, type, ids, 1, word.perm) == MM_OK;
}

static enum mm_err ask(struct mm_verifier *v, const struct args *a,
		       struct span token, struct mm_token *out)
{
	const char *text = (const char *)token.at;
	const struct mm_client client = { a->user, a->from };
	TRY(mm_verify_client(v, &client, text, token.len, out));
	for (size_t i = 0; i < a->needs.count; i++)
		if (!has_need(out, a->needs.at[i]))
			return MM_ERR_INSUFFICIENT_SCOPE;
	return MM_OK;
}

/* ---- the answer ---- */

static json_t *time_json(int64_t t)
{
	char text[32];
	date_write(text, t);
	return json_string(text);
}

static json_t *scopes_json(const struct mm_token *t)
{
	json_t *list = json_array();
	struct span rest = span_str(t->scope), word;
	if (!t->has_scope) {
		json_decref(list);
		return json_null();
	}
	while (span_word(&rest, &word))
		json_array_append_new(
			list, json_stringn((const char *)word.at, word.len));
	return list;
}

static void put_valid(const struct args *a, const struct mm_token *t)
{
	char until[32];
	date_write(until, t->dies_at);
	if (!a->json) {
		printf("valid%s: ", t->access_token ? " access token" : "");
		put_text(stdout, t->user);
		printf(", until %s, scopes ", until);
		put_text(stdout, t->has_scope ? t->scope : "(all)");
		putchar('\n');
		return;
	}
	json_t *window =
		t->auto_refresh ? json_integer(t->auto_refresh) : json_null();
	AUTO_JSON json_t *out = json_pack(
		"{s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "valid", 1,
		"id", t->id, "user", t->user, "scopes", scopes_json(t),
		"issued_at", time_json(t->issued_at), "expires_at",
		time_json(t->expires_at), "dies_at", time_json(t->dies_at),
		"auto_refresh", window, "access_token", t->access_token);
	put_json(out);
}

static void put_refused(const struct args *a, enum mm_err e, const char *detail)
{
	if (!a->json) {
		printf("refused: %s (", mm_reason(e));
		put_text(stdout, detail);
		puts(")");
		return;
	}
	AUTO_JSON json_t *out =
		json_pack("{s:b, s:s, s:s}", "valid", 0, "reason", mm_reason(e),
			  "detail", detail);
	put_json(out);
}

static void close_at(struct mm_verifier **v)
{
	mm_close(*v);
}

/* A JWS is no token: it has no user, no scope, and no state. */
static enum mm_err check_jws(const struct args *a, struct why *why)
{
	bool token = a->state || a->audience || a->user || a->needs.count ||
		     a->no_use || a->json || a->from;
	if (a->jws && token)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--jws goes with --jwks and nothing else: it is "
			       "about any JWS, not about tokens");
	if (a->jws != (a->jwks != NULL))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--jws and --jwks FILE go together");
	return MM_OK;
}

enum mm_err verify_run(const struct args *a, struct why *why)
{
	__attribute__((cleanup(close_at))) struct mm_verifier *v = NULL;
	AUTO_BUF struct buf bytes = buf_new(0);
	struct mm_token t;
	struct span token;
	struct why said = { .text = "" };
	TRY(check_jws(a, why));
	if (a->jws)
		return verify_jws(a, why);
	TRY(check_question(a, why));
	TRY(input_token(a, &bytes, &token, why));

	enum mm_err e = open_state(a, &said, &v);
	if (e == MM_OK)
		e = ask(v, a, token, &t);
	if (e == MM_ERR_STALE)
		say_stale(a, v, &said);
	if (e == MM_OK)
		put_valid(a, &t);
	else
		put_refused(a, e, said.text[0] ? said.text : sentence_of(e));
	return e;
}
