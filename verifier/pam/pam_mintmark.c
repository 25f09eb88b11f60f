/* pam_mintmark.c - user and token at any PAM service: auth and account.
 *
 *	auth     required  pam_mintmark.so  scope=sftp:write
 *	account  required  pam_mintmark.so
 *
 * Options, for both:
 *
 *	state=PATH         the agent's state file; /run/mintmark/state
 *	audience=WORD      the audience that tokens must be for
 *	scope=SCOPE        needed, as in `mintmark verify --need`; may be
 *	                   repeated, and then all are needed
 *	user_map=PATH      whose tokens open which login (user_map.h)
 *	max_staleness=DUR  refuse everything after so long without news; may
 *	                   only be stricter than the agent's
 *
 * auth takes the password for a token.  PAM_SUCCESS: it is good for this
 * login.  PAM_AUTH_ERR: it is not.  PAM_CRED_UNAVAIL: it does not begin as
 * tokens do; it may be a password for the modules below.
 * PAM_USER_UNKNOWN: no login name.  PAM_AUTHINFO_UNAVAIL: we cannot tell (no
 * state, a stale one, a wrong option or map); nobody gets in.  It is never
 * PAM_IGNORE, by which a pam_permit.so below would let anybody in.  Tokens
 * that are limited to addresses (cidr) need one in PAM_RHOST.
 *
 * account asks again whether that token is still alive.  PAM_SUCCESS,
 * PAM_ACCT_EXPIRED, PAM_PERM_DENIED (revoked, suspended; another login or
 * state= than at auth), PAM_AUTHINFO_UNAVAIL; PAM_IGNORE when it was not we
 * who let the user in.
 *
 * We are a guest in somebody else's process: no thread, no network, nothing
 * left open between calls.  The one thing sent is the datagram of use.  No
 * byte of a password is logged, be it a token or not.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "common/scope.h"
#include "verifier/pam/login.h"
#include "verifier/pam/name.h"
#include "verifier/pam/options.h"
#include "verifier/pam/state_file.h"
#include "verifier/pam/user_map.h"
#include "verifier/verifier.h"

#define EXPORT __attribute__((visibility("default")))
#define DATA   "mintmark.token"

static void close_at(struct mm_verifier **v)
{
	verifier_close(*v);
}
#define AUTO_VERIFIER __attribute__((cleanup(close_at)))

/* ---- what we answer ---- */

/* clang-format off */
static const struct answer {
	enum mm_err e;
	int auth, account;
} answers[] = {
	{ MM_OK,                     PAM_SUCCESS,          PAM_SUCCESS },
	{ MM_ERR_EXPIRED,            PAM_AUTH_ERR,         PAM_ACCT_EXPIRED },
	{ MM_ERR_IDLE,               PAM_AUTH_ERR,         PAM_ACCT_EXPIRED },
	{ MM_ERR_STALE,              PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL },
};
/* clang-format on */
static const struct answer refusal = { MM_ERR_MALFORMED, PAM_AUTH_ERR,
				       PAM_PERM_DENIED };
/* Our own troubles among them. */
static const struct answer no_answer = { MM_ERR_UNAVAILABLE,
					 PAM_AUTHINFO_UNAVAIL,
					 PAM_AUTHINFO_UNAVAIL };

static const struct answer *answer_to(enum mm_err e)
{
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (answers[i].e == e)
			return &answers[i];
	return e < MM_ERR_UNAVAILABLE ? &refusal : &no_answer;
}

/* ---- what we log ---- */

/* As the service says it; "": it does not. */
static const char *remote_host(pam_handle_t *pamh)
{
	const void *from = NULL;
	return pam_get_item(pamh, PAM_RHOST, &from) == PAM_SUCCESS && from
		       ? from
		       : "";
}

struct caller {
	pam_handle_t *pamh;
	char login[QUOTE_SIZE], from[QUOTE_SIZE];
};

static void caller_fill(struct caller *c, pam_handle_t *pamh, const char *login)
{
	c->pamh = pamh;
	name_quote(c->login, login);
	name_quote(c->from, remote_host(pamh));
}

static void say_refused(const struct caller *c, enum mm_err e,
			const struct why *why)
{
	bool ours = answer_to(e)->auth == PAM_AUTHINFO_UNAVAIL;
	bool more = why->text[0] != '\0';
	pam_syslog(c->pamh, ours ? LOG_ERR : LOG_NOTICE,
		   "refused: %s%s%s%s, login %s, from %s",
		   mm_reason(e > MM_ERR_UNAVAILABLE ? MM_ERR_UNAVAILABLE : e),
		   more ? " (" : "", why->text, more ? ")" : "", c->login,
		   c->from);
}

static int say_misconfigured(pam_handle_t *pamh, const struct why *why)
{
	pam_syslog(pamh, LOG_ERR, "refused: misconfigured: %s", why->text);
	return PAM_AUTHINFO_UNAVAIL;
}

/* ---- the state ---- */

/* "pam:sshd" */
static const char *name_door(pam_handle_t *pamh, char out[DOOR_SIZE])
{
	const void *service = NULL;
	if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS ||
	    service == NULL)
		service = "";
	snprintf(out, DOOR_SIZE, "pam:%s", (const char *)service);
	return out;
}

static enum mm_err open_state(pam_handle_t *pamh, const struct options *o,
			      struct mm_verifier **v, struct why *why)
{
	char door[DOOR_SIZE];
	struct mm_options opt = { .audience = o->audience,
				  .max_staleness = o->max_staleness,
				  .flags = MM_NO_CACHE,
				  .door = name_door(pamh, door) };
	TRY(state_file_check(o->state, why));
	TRY(verifier_open_state(&opt, o->state, v, why));
	if (why->text[0] != '\0')
		pam_syslog(pamh, LOG_WARNING, "%s", why->text);
	why->text[0] = '\0';
	return MM_OK;
}

/* ---- auth ---- */

/* To let tokens open root's login must be meant. */
static enum mm_err allowed_users(const struct options *o, const char *login,
				 struct user_map *map, struct why *why)
{
	TRY(user_map_read(o->user_map, login, map, why));
	if (map->listed)
		return MM_OK;
	TRY(login_not_root(login, why));
	map->count = 1;
	if (span_copy(map->user[0], USER_SIZE, span_str(login)))
		return MM_OK;
	return why_say(why, MM_ERR_WRONG_USER, NULL, "the name is too long");
}

/* Whose it is comes last in a check: any other refusal is the answer. */
static enum mm_err verify_any(struct mm_verifier *v, struct asked *ask,
			      const struct user_map *map, struct span token,
			      struct mm_token *out)
{
	enum mm_err e = MM_ERR_WRONG_USER;
	for (size_t i = 0; i < map->count && e == MM_ERR_WRONG_USER; i++) {
		ask->user = map->user[i];
		e = verifier_ask(v, ask, token, out);
	}
	return e;
}

static enum mm_err check_scopes(const struct options *o,
				const struct mm_token *t, struct why *why)
{
	for (size_t i = 0; i < o->scopes && t->has_scope; i++)
		if (!scope_covers(span_str(t->scope), span_str(o->scope[i])))
			return why_say(why, MM_ERR_INSUFFICIENT_SCOPE, NULL,
				       "token %s is not for %s", t->id,
				       o->scope[i]);
	return MM_OK;
}

/* A name is what its owner's DNS says, and would be no proof of anything. */
static enum mm_err say_token(const char *id, enum mm_err e, const char *from,
			     struct why *why)
{
	struct address a;
	if (e != MM_ERR_WRONG_ADDRESS || address_parse(span_str(from), &a))
		return why_say(why, e, NULL, "token %s", id);
	return why_say(why, e, NULL,
		       "token %s is limited to addresses, and there is %s", id,
		       from[0] ? "a host name instead of one: sshd needs "
				 "UseDNS no"
			       : "none here");
}

static enum mm_err check_length(struct span token, struct why *why)
{
	if (token.len <= PAM_FITS)
		return MM_OK;
	return why_say(why, MM_ERR_MALFORMED, NULL,
		       "over %d bytes, which PAM may have cut: mint it "
		       "without --allow-long",
		       PAM_FITS);
}

static enum mm_err check(pam_handle_t *pamh, const struct options *o,
			 const char *login, struct span token,
			 struct mm_token *out, struct why *why)
{
	AUTO_VERIFIER struct mm_verifier *v = NULL;
	struct user_map map;
	TRY(check_length(token, why));
	TRY(allowed_users(o, login, &map, why));
	TRY(open_state(pamh, o, &v, why));
	char id[JTI_SIZE] = "";
	const char *from = remote_host(pamh);
	struct asked ask = { .audience = o->audience,
			     .from = span_str(from),
			     .id = id };
	enum mm_err e = verify_any(v, &ask, &map, token, out);
	if ((e == MM_ERR_MALFORMED || e == MM_ERR_BAD_SIGNATURE) &&
	    token.len == PAM_FITS)
		return why_say(why, e, NULL,
			       "it has %d bytes: was it cut, at the end?",
			       PAM_FITS);
	if (e != MM_OK && id[0] != '\0')
		return say_token(id, e, from, why);
	TRY(e);
	return check_scopes(o, out, why);
}

/* What auth keeps for account. */
struct kept {
	struct mm_token token;
	char *login, *state;
};

static void forget(pam_handle_t *pamh, void *data, int status)
{
	struct kept *k = data;
	(void)pamh, (void)status;
	if (k == NULL)
		return;
	free(k->login);
	free(k->state);
	explicit_bzero(k, sizeof *k);
	free(k);
}

static struct kept *keep(const struct mm_token *t, const char *login,
			 const char *state)
{
	struct kept *k = malloc(sizeof *k);
	if (k == NULL)
		return NULL;
	*k = (struct kept){ *t, strdup(login), strdup(state) };
	if (k->login != NULL && k->state != NULL)
		return k;
	forget(NULL, k, 0);
	return NULL;
}

static int let_in(const struct caller *c, const struct mm_token *t,
		  struct kept *k)
{
	int r = k ? pam_set_data(c->pamh, DATA, k, forget) : PAM_BUF_ERR;
	if (r != PAM_SUCCESS) {
		forget(c->pamh, k, 0);
		pam_syslog(c->pamh, LOG_ERR, "refused: out of memory");
		return PAM_AUTHINFO_UNAVAIL;
	}
	char user[QUOTE_SIZE];
	text_quote(user, span_str(t->user));
	pam_syslog(c->pamh, LOG_INFO,
		   "accepted: token %s of %s, login %s, from %s", t->id, user,
		   c->login, c->from);
	return PAM_SUCCESS;
}

static int no_token(const struct caller *c)
{
	pam_syslog(c->pamh, LOG_INFO,
		   "no token: the password is none, or was not given, login "
		   "%s, from %s",
		   c->login, c->from);
	return PAM_CRED_UNAVAIL;
}

static int authenticate(pam_handle_t *pamh, const struct options *o,
			const char *login)
{
	struct caller c;
	struct mm_token t;
	struct why why = { .text = "" };
	const char *password = NULL;
	caller_fill(&c, pamh, login);
	if (pam_get_authtok(pamh, PAM_AUTHTOK, &password, NULL) !=
		    PAM_SUCCESS ||
	    password == NULL || !name_like_token(span_str(password)))
		return no_token(&c);

	enum mm_err e = check(pamh, o, login, span_str(password), &t, &why);
	if (e != MM_OK) {
		say_refused(&c, e, &why);
		return answer_to(e)->auth;
	}
	return let_in(&c, &t, keep(&t, login, o->state));
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc,
			       const char **argv)
{
	struct options o;
	struct why why;
	const char *login = NULL;
	(void)flags;
	(void)pam_set_data(pamh, DATA, NULL, NULL); /* of an earlier attempt */
	if (options_read(argc, argv, &o, &why) != MM_OK)
		return say_misconfigured(pamh, &why);
	if (pam_get_user(pamh, &login, NULL) != PAM_SUCCESS || login == NULL ||
	    login[0] == '\0') {
		pam_syslog(pamh, LOG_NOTICE, "refused: no login name");
		return PAM_USER_UNKNOWN;
	}
	return authenticate(pamh, &o, login);
}

/* There are no credentials beyond the login. */
EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc,
			  const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}

/* ---- account ---- */

/* A module in between may have changed the login, and this line of the stack
 * may name another state, whose lists say nothing about the token. */
static enum mm_err check_same(const struct kept *k, const struct options *o,
			      const char *login, struct why *why)
{
	char was[QUOTE_SIZE];
	name_quote(was, k->login);
	if (login == NULL || strcmp(login, k->login) != 0)
		return why_say(why, MM_ERR_WRONG_USER, NULL,
			       "token %s came in as %s", k->token.id, was);
	if (strcmp(o->state, k->state) != 0)
		return why_say(why, MM_ERR_WRONG_ISSUER, NULL,
			       "token %s is known by state=%s, and this line "
			       "says state=%s",
			       k->token.id, k->state, o->state);
	return MM_OK;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc,
			    const char **argv)
{
	AUTO_VERIFIER struct mm_verifier *v = NULL;
	struct options o;
	struct caller c;
	struct why why = { .text = "" };
	const void *data = NULL, *login = NULL;
	(void)flags;
	if (options_read(argc, argv, &o, &why) != MM_OK)
		return say_misconfigured(pamh, &why);
	if (pam_get_data(pamh, DATA, &data) != PAM_SUCCESS || data == NULL)
		return PAM_IGNORE; /* a key, say, or a password */
	if (pam_get_item(pamh, PAM_USER, &login) != PAM_SUCCESS)
		login = NULL;

	const struct kept *k = data;
	enum mm_err e = check_same(k, &o, login, &why);
	if (e == MM_OK)
		e = open_state(pamh, &o, &v, &why);
	if (e == MM_OK)
		e = verifier_check_again(v, &k->token);
	if (e != MM_OK) {
		caller_fill(&c, pamh, login);
		if (why.text[0] == '\0')
			(void)why_say(&why, e, NULL, "token %s", k->token.id);
		say_refused(&c, e, &why);
	}
	return answer_to(e)->account;
}
