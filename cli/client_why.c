/* client_why.c - why a call came to nothing, as a sentence each. */
#include "cli/client_why.h"

#include "cli/output.h"

enum mm_err client_unanswered(const char *where, const char *how,
			      enum client_effect effect, struct why *why)
{
	static const char *const then[] = {
		[CLIENT_READS] = ": try again",
		[CLIENT_CHANGES] = ", so this may have been done, or not: look "
				   "(mintmark token list), or ask again",
		[CLIENT_MINTS] =
			", so a token may have been made, or not: look "
			"(mintmark token list) and revoke it if it was, "
			"before you ask again",
	};
	return why_say(why, MM_ERR_IO, NULL,
		       "%s gave no answer (%s)%s; if it stays so, run mintmark "
		       "doctor on its host",
		       where, how, then[effect]);
}

static enum mm_err error_of(long status)
{
	switch (status) {
	case 401:
		return MM_ERR_UNAUTHENTICATED;
	case 403:
		return MM_ERR_FORBIDDEN;
	case 404:
		return MM_ERR_NOT_FOUND;
	default:
		return status >= 500 ? MM_ERR_IO : MM_ERR_CONFLICT;
	}
}

static enum mm_err say_refused(const struct client *c, long status,
			       const json_t *reply, struct why *why)
{
	const char *detail =
		json_string_value(json_object_get(reply, "detail"));
	const char *hint =
		status == 401 && c->socket[0] == '\0'
			? " (check MINTMARK_TOKEN)"
		: status >= 500 && detail == NULL
			? ": try again in a moment; if it stays so, run "
			  "mintmark doctor on its host"
			: "";
	if (detail == NULL)
		return why_say(why, error_of(status), NULL,
			       "the mint answered %ld%s", status, hint);
	return why_say(why, error_of(status), NULL, "%s%s", detail, hint);
}

enum mm_err client_refused(const struct client *c, long status,
			   struct span text, struct why *why)
{
	AUTO_JSON json_t *reply = json_loadb((const char *)text.at, text.len,
					     JSON_REJECT_DUPLICATES, NULL);
	return say_refused(c, status, reply, why);
}
