/* tokens_change.c - step 6: revoke, suspend, reinstate; one or all.
 *
 * The answer is given when the change is durable and in everything that
 * this issuer publishes; should that not be possible now (the store cannot
 * be read, say), it is durable all the same, and "published" is false. */
#include "common/log.h"
#include "issuer/caller.h"
#include "issuer/counts.h"
#include "issuer/explain.h"
#include "issuer/grant.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"

static const enum count_changed counted[] = {
	[STATUS_VALID] = CHANGED_REINSTATED,
	[STATUS_REVOKED] = CHANGED_REVOKED,
	[STATUS_SUSPENDED] = CHANGED_SUSPENDED,
};

static const char *const words[] = {
	[STATUS_VALID] = "active",
	[STATUS_REVOKED] = "revoked",
	[STATUS_SUSPENDED] = "suspended",
};

static const struct {
	enum mm_err e;
	enum status to;
	const char *says;
} refusals[] = {
	{ MM_ERR_FORBIDDEN, STATUS_VALID,
	  "somebody else has suspended this token: an administrator can "
	  "reinstate it" },
	{ MM_ERR_CONFLICT, STATUS_SUSPENDED,
	  "only an active token can be suspended" },
	{ MM_ERR_CONFLICT, STATUS_VALID,
	  "only a suspended token can be reinstated; what was revoked stays "
	  "so" },
};

static enum mm_err not_changed(struct issuer *is, struct http_request *rq,
			       enum mm_err e, enum status to)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (refusals[i].e == e && refusals[i].to == to)
			return why_say(http_why(rq), e, NULL, "%s",
				       refusals[i].says);
	if (e == MM_ERR_UNSURE)
		return why_say(http_why(rq), e, NULL,
			       "the database broke off: it may have been done, "
			       "or not; ask again");
	return why_say(http_why(rq), e, NULL, "nothing was changed (%s): %s",
		       mm_err_word(e), explain(is->store, e));
}

static enum mm_err change(struct issuer *is, struct http_request *rq,
			  enum status to, const char *event)
{
	struct token_row t;
	bool changed;
	TRY(token_of_path(is, rq, &t));
	struct stamp stamp = caller_stamp(rq);
	enum mm_err e = store_set_status(is->store, t.list, t.idx, to, &stamp,
					 &changed);
	if (e != MM_OK)
		return not_changed(is, rq, e, to);
	if (changed)
		count_changed(counted[to], 1);
	/* Also what had been done: perhaps by another issuer, just now. */
	bool published = publisher_settle(is->publisher, event, rq);
	if (changed)
		log_event(LOG_INFO, event, "request=%s id=%u.%u user=%s by=%s",
			  http_request_id(rq), t.list, t.idx, t.user,
			  caller_of(rq)->actor);

	char id[JTI_SIZE];
	token_id_write(id, t.list, t.idx);
	return reply_json(rq, 200,
			  json_pack("{s:s, s:s, s:b, s:b}", "id", id, "status",
				    words[to], "changed", changed, "published",
				    published));
}

enum mm_err token_revoke(void *app, struct http_request *rq)
{
	return change(app, rq, STATUS_REVOKED, "token.revoke");
}

enum mm_err token_suspend(void *app, struct http_request *rq)
{
	return change(app, rq, STATUS_SUSPENDED, "token.suspend");
}

enum mm_err token_reinstate(void *app, struct http_request *rq)
{
	return change(app, rq, STATUS_VALID, "token.reinstate");
}

enum mm_err user_revoke(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	const char *user = http_arg(rq, 0);
	size_t count;
	TRY(user_check(user, http_why(rq)));
	if (caller_owns(rq, user) != MM_OK)
		return why_say(http_why(rq), MM_ERR_FORBIDDEN, "user",
			       "only an administrator revokes the tokens of "
			       "others");
	struct stamp stamp = caller_stamp(rq);
	TRY(store_revoke_user(is->store, user, &stamp, &count));
	count_changed(CHANGED_REVOKED, count);
	bool published = publisher_settle(is->publisher, "user.revoke", rq);
	log_event(LOG_INFO, "user.revoke", "request=%s user=%s count=%zu by=%s",
		  http_request_id(rq), user, count, caller_of(rq)->actor);
	return reply_json(rq, 200,
			  json_pack("{s:s, s:I, s:b}", "user", user, "revoked",
				    (json_int_t)count, "published", published));
}
