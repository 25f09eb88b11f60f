/* tokens.c - step 1 at the door: POST /v1/tokens, and rotation.
 *
 * Order: check the grant, take an index, sign, write the row durably, and
 * only then answer.  A crash before the answer leaves a row whose token
 * nobody has; who gave an Idempotency-Key can ask for it again.
 */
#include <stddef.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/body.h"
#include "issuer/caller.h"
#include "issuer/counts.h"
#include "issuer/ended.h"
#include "issuer/explain.h"
#include "issuer/grant.h"
#include "issuer/handlers.h"
#include "issuer/policy.h"
#include "issuer/repeat.h"
#include "issuer/reply.h"

static enum mm_err reply_minted(struct http_request *rq,
				const struct token_row *t, struct span token)
{
	json_t *body = token_json(t, clock_now());
	if (body != NULL &&
	    json_object_set_new(
		    body, "token",
		    json_stringn((const char *)token.at, token.len)) != 0) {
		json_decref(body);
		body = NULL;
	}
	return reply_json(rq, 201, body);
}

static void log_token(const char *event, struct http_request *rq,
		      const struct token_row *t)
{
	log_event(LOG_INFO, event, "request=%s id=%u.%u user=%s by=%s",
		  http_request_id(rq), t->list, t->idx, t->user,
		  caller_of(rq)->actor);
}

/* A secret that is shown is in the audit, also the second time. */
static enum mm_err audit_again(struct issuer *is, struct http_request *rq,
			       const struct token_row *t)
{
	char id[JTI_SIZE];
	struct stamp stamp = caller_stamp(rq);
	token_id_write(id, t->list, t->idx);
	return store_audit(is->store,
			   &(struct audit_entry){ .event = "token.again",
						  .id = id,
						  .user = t->user,
						  .label = t->label },
			   &stamp);
}

/* What was done before is answered again.  The token is kept nowhere, so
 * its claims are signed once more: by the same key, for they name it. */
static enum mm_err reply_again(struct issuer *is, struct http_request *rq,
			       const struct token_row *t)
{
	AUTO_BUF struct buf token = buf_new(2 * TOKEN_MAX);
	AUTO_JWK struct jwk *key = signing_key_named(is->signing, t->kid);
	if (key == NULL ||
	    ended_check(is->publisher, is->store, key, NULL) != MM_OK)
		return why_say(http_why(rq), MM_ERR_CONFLICT, "id",
			       "this was done before and made token %u.%u, but "
			       "the key that signed it is gone, so it cannot "
			       "be shown again: make a new one",
			       t->list, t->idx);
	TRY(mint_again(is->mint, key, t, &token, http_why(rq)));
	TRY(audit_again(is, rq, t));
	log_token("token.again", rq, t);
	return reply_minted(rq, t, span_of(token.at, token.len));
}

/* What the store could not do, said without its inner words. */
static enum mm_err not_stored(struct issuer *is, struct http_request *rq,
			      enum mm_err e)
{
	if (e == MM_ERR_GONE) { /* a new history: there are other indexes */
		mint_forget(is->mint);
		e = MM_ERR_UNAVAILABLE;
	}
	if (e == MM_ERR_REUSED)
		return repeat_reused(rq);
	if (e == MM_ERR_ROLLBACK)
		return publisher_not_whole(http_why(rq));
	if (e == MM_ERR_UNSURE)
		return why_say(http_why(rq), e, NULL,
			       "the database broke off: the token may have "
			       "been made, or not; ask again with the same "
			       "Idempotency-Key, or look for one that nobody "
			       "was given and revoke it");
	if (e == MM_ERR_UNAUTHENTICATED)
		return why_say(http_why(rq), e, NULL,
			       "the token is not valid here");
	if (e == MM_ERR_FORBIDDEN)
		return why_say(http_why(rq), e, "user",
			       "this user has as many live tokens as one may "
			       "have here: revoke one first (setting "
			       "max_tokens)");
	return why_say(http_why(rq), e, NULL,
		       "the token was not made, nothing was changed (%s): %s",
		       mm_err_word(e), explain(is->store, e));
}

static void set_request(struct http_request *rq, struct repeat *once,
			struct token_row *t)
{
	t->once = once;
	t->address = caller_of(rq)->address;
	t->request = http_request_id(rq);
}

/* The row that the body asks for. */
static enum mm_err read_grant(struct issuer *is, struct http_request *rq,
			      struct token_row *out, bool *allow_long)
{
	struct grant *g = calloc(1, sizeof *g); /* too large for a stack */
	if (g == NULL)
		return MM_ERR_NOMEM;
	enum mm_err e = grant_read(http_body_bytes(rq), g, http_why(rq));
	if (e == MM_OK)
		e = grant_row(g, caller_of(rq), &is->set, clock_now(), out,
			      http_why(rq));
	*allow_long = g->allow_long;
	free(g);
	return e;
}

enum mm_err token_create(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct token_row row;
	struct repeat r, *once;
	bool allow_long;
	TRY(repeat_read(is, rq, "mint", &r, &once));
	if (r.before)
		return reply_again(is, rq, &r.made);
	TRY(read_grant(is, rq, &row, &allow_long));
	set_request(rq, once, &row);

	AUTO_BUF struct buf token = buf_new(2 * TOKEN_MAX);
	AUTO_JWK struct jwk *key = signing_key(is->signing);
	TRY(publisher_check_whole(is->publisher, http_why(rq)));
	TRY(ended_check(is->publisher, is->store, key, http_why(rq)));
	TRY(mint_token(is->mint, key, allow_long, &row, &token, http_why(rq)));
	enum mm_err e = store_mint(is->store, &row);
	if (e != MM_OK)
		return not_stored(is, rq, e);
	if (r.before) /* by one that came at the same time */
		return reply_again(is, rq, &r.made);
	count_minted(row.auto_refresh);
	log_token("token.mint", rq, &row);
	return reply_minted(rq, &row, span_of(token.at, token.len));
}

/* ---- rotation: the same grant, a new token ---- */

/* Long enough to bring a new token to wherever the old one is, too short to
 * have two of each. */
#define OVERLAP_MAX (30 * INT64_C(86400))

struct rotate_body {
	int64_t overlap;
	bool keep_expiry; /* the old one's hard limit, not a life as long */
	bool allow_long;
};

static const struct body_field rotate_fields[] = {
	{ "overlap", BODY_SECONDS_OR_0, offsetof(struct rotate_body, overlap),
	  sizeof(int64_t) },
	{ "keep_expiry", BODY_BOOL, offsetof(struct rotate_body, keep_expiry),
	  sizeof(bool) },
	{ "allow_long", BODY_BOOL, offsetof(struct rotate_body, allow_long),
	  sizeof(bool) },
};

/* The new token lives as long as the old one was given, or to the old one's
 * end: then always, when who asks could not mint one, for he may renew his
 * secret, not his life.  As far as that is still allowed.  (One past its end
 * is refused by the store; until then nothing may end before it begins.) */
static int64_t next_life(const struct token_row *old, const struct caller *by,
			 const struct issuer_settings *set, bool keep_expiry,
			 int64_t now)
{
	if (!by->admin && policy_may_mint(set, by->user, old->user, NULL))
		keep_expiry = true;
	int64_t life = old->exp - (keep_expiry ? now : old->iat);
	return life < 1 ? 1 : life < set->max_life ? life : set->max_life;
}

/* Not past the old one's own end. */
static int64_t next_overlap(const struct token_row *old, int64_t asked,
			    int64_t now)
{
	return asked < old->exp - now ? asked : old->exp - now;
}

/* With an overlap there is one token more for a while: of all that a user
 * has, one may be over the number that way.  Without one, there are as many
 * as there were. */
static int64_t next_most(const struct issuer_settings *set, int64_t overlap)
{
	return overlap && set->max_tokens ? set->max_tokens + 1 : 0;
}

static void next_row(const struct token_row *old, const struct caller *by,
		     int64_t life, int64_t now, struct token_row *out)
{
	*out = *old;
	out->iat = now;
	out->exp = now + life;
	out->last_use = out->changed_at = out->revoke_at = 0;
	out->seen_at = out->warned = 0;
	out->seen_door[0] = out->seen_from[0] = '\0';
	out->status = TOKEN_VALID;
	out->key_gone = false;
	out->changed_by[0] = '\0';
	snprintf(out->created_by, sizeof out->created_by, "%s", by->actor);
	out->by_list = by->list;
	out->by_idx = by->idx;
}

static enum mm_err read_repeat(struct issuer *is, struct http_request *rq,
			       const struct token_row *old, struct repeat *r,
			       struct repeat **once)
{
	char id[JTI_SIZE], what[JTI_SIZE + 16];
	token_id_write(id, old->list, old->idx);
	snprintf(what, sizeof what, "rotate %s", id);
	return repeat_read(is, rq, what, r, once);
}

/* Did the caller's token die by a rotation of its own? */
static bool rotated_itself(const struct token_row *t, const struct caller *by)
{
	return t->list == by->list && t->idx == by->idx &&
	       t->status == TOKEN_REVOKED &&
	       (strcmp(t->changed_by, by->actor) == 0 ||
		strcmp(t->changed_by, "rotation") == 0);
}

/* A token that has rotated itself is dead, and if the answer was lost its
 * owner has nothing else: the same request, with the same key, gives him
 * the new one.  For all else that he may ask he is a stranger. */
static enum mm_err rotate_for_dead(struct issuer *is, struct http_request *rq)
{
	struct token_row old;
	struct repeat r, *once;
	enum mm_err e = token_of_path(is, rq, &old);
	if (e == MM_OK && !rotated_itself(&old, caller_of(rq)))
		e = MM_ERR_REVOKED;
	if (e == MM_OK)
		e = read_repeat(is, rq, &old, &r, &once);
	if (e == MM_OK && r.before)
		return reply_again(is, rq, &r.made);
	return mm_err_http(e) >= 500 ? e : caller_refuse(rq);
}

/* Only what was too long for a password before may be so again: a higher
 * index, or a key with longer signatures, must not take that from the rest. */
static bool was_long(struct issuer *is, const struct token_row *old)
{
	size_t n;
	AUTO_JWK struct jwk *key = signing_key_named(is->signing, old->kid);
	if (key == NULL && store_former_key(is->store, old->kid, &key) != MM_OK)
		return false;
	return mint_length(is->mint, key, old, &n) == MM_OK &&
	       n > TOKEN_PORTABLE;
}

static enum mm_err not_rotated(struct issuer *is, struct http_request *rq,
			       enum mm_err e)
{
	if (e == MM_ERR_CONFLICT)
		return why_say(http_why(rq), e, NULL,
			       "only an active token that is not being "
			       "rotated already can be rotated: make a new "
			       "one");
	if (e == MM_ERR_FORBIDDEN)
		return why_say(http_why(rq), e, "overlap",
			       "with an overlap this user would have too many "
			       "live tokens: rotate without one, or revoke "
			       "one first (setting max_tokens)");
	return not_stored(is, rq, e);
}

static enum mm_err rotate(struct issuer *is, struct http_request *rq,
			  const struct token_row *old,
			  const struct rotate_body *body, struct repeat *once)
{
	struct token_row row;
	const struct caller *by = caller_of(rq);
	int64_t now = clock_now();
	int64_t overlap = next_overlap(old, body->overlap, now);
	next_row(old, by, next_life(old, by, &is->set, body->keep_expiry, now),
		 now, &row);
	row.most = next_most(&is->set, overlap);
	set_request(rq, once, &row);
	TRY(policy_check(&is->set, &row, http_why(rq)));

	AUTO_BUF struct buf token = buf_new(2 * TOKEN_MAX);
	AUTO_JWK struct jwk *key = signing_key(is->signing);
	TRY(publisher_check_whole(is->publisher, http_why(rq)));
	TRY(ended_check(is->publisher, is->store, key, http_why(rq)));
	TRY(mint_token(is->mint, key, body->allow_long || was_long(is, old),
		       &row, &token, http_why(rq)));
	enum mm_err e =
		store_rotate(is->store, old->list, old->idx, overlap, &row);
	if (e != MM_OK)
		return not_rotated(is, rq, e);
	publisher_settle(is->publisher, "token.rotate", rq);
	if (once != NULL && once->before)
		return reply_again(is, rq, &once->made);
	count_minted(row.auto_refresh);
	count_changed(CHANGED_ROTATED, 1);
	log_token("token.rotate", rq, &row);
	return reply_minted(rq, &row, span_of(token.at, token.len));
}

enum mm_err token_rotate(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct rotate_body body = { .overlap = 0 };
	struct token_row old;
	struct repeat r, *once;
	if (caller_of(rq)->dead)
		return rotate_for_dead(is, rq);
	TRY(body_read(http_body_bytes(rq), rotate_fields,
		      sizeof rotate_fields / sizeof rotate_fields[0], &body,
		      http_why(rq)));
	if (body.overlap > OVERLAP_MAX)
		return why_say(http_why(rq), MM_ERR_INVALID, "overlap",
			       "the overlap is at most 30 days");
	TRY(token_of_path(is, rq, &old));
	TRY(read_repeat(is, rq, &old, &r, &once));
	if (r.before) {
		/* the mint may have gone down before it could do this */
		publisher_settle(is->publisher, "token.rotate", rq);
		return reply_again(is, rq, &r.made);
	}
	if (grant_is_reserved(&old) && !caller_of(rq)->admin)
		return why_say(http_why(rq), MM_ERR_FORBIDDEN, NULL,
			       "only an administrator rotates a token with "
			       "the scopes of one");
	return rotate(is, rq, &old, &body, once);
}
