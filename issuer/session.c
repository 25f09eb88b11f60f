/* session.c - the console's cookie: made, checked, renewed, taken away. */
#include "issuer/session.h"

#include <stddef.h>
#include <strings.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/scope.h"
#include "issuer/access.h"
#include "issuer/own.h"
#include "issuer/reply.h"

static bool is_https(const struct issuer *is)
{
	return strncmp(is->set.issuer, "https://", 8) == 0;
}

static void audience_of(const struct issuer *is, char out[ISS_SIZE + 16])
{
	snprintf(out, ISS_SIZE + 16, "%.255s/console", is->set.issuer);
}

/* ---- from where ---- */

static enum mm_err not_own_page(struct issuer *is, struct http_request *rq)
{
	return why_say(http_why(rq), MM_ERR_FORBIDDEN, NULL,
		       "this did not come from the console's own page: open "
		       "%s/console/ and try again",
		       is->set.issuer);
}

/* RFC 6454 s6.2: the issuer's, or that of the host that was asked. */
static bool is_own_origin(const struct issuer *is, const char *origin,
			  const char *host)
{
	const char *iss = is->set.issuer;
	size_t scheme = is_https(is) ? 8 : 7;
	size_t own = scheme + strcspn(iss + scheme, "/");
	if (strlen(origin) == own && strncasecmp(origin, iss, own) == 0)
		return true;
	return host != NULL && strncasecmp(origin, iss, scheme) == 0 &&
	       strcasecmp(origin + scheme, host) == 0;
}

enum mm_err session_own_page(struct issuer *is, struct http_request *rq)
{
	const char *ours = http_header(rq, "X-Mintmark-Console");
	const char *site = http_header(rq, "Sec-Fetch-Site");
	const char *origin = http_header(rq, "Origin");
	if (ours == NULL || strcmp(ours, "1") != 0)
		return not_own_page(is, rq);
	if (site != NULL && strcmp(site, "same-origin") != 0)
		return not_own_page(is, rq);
	if (origin != NULL &&
	    !is_own_origin(is, origin, http_header(rq, "Host")))
		return not_own_page(is, rq);
	return MM_OK;
}

/* ---- the cookie (RFC 6265) ---- */

/* __Host-: browsers take it from this very host only, and over TLS. */
static const char *cookie_name(const struct issuer *is)
{
	return is_https(is) ? "__Host-mintmark_session" : "mintmark_session";
}

#define OTHERS 120 /* bytes: the header's name, and other headers */

static enum mm_err set_cookie(struct issuer *is, struct http_request *rq,
			      struct span value, int64_t seconds)
{
	char line[SESSION_COOKIE_MAX];
	int n = snprintf(line, sizeof line,
			 "%s=%.*s; Max-Age=%lld; Path=/; HttpOnly; "
			 "SameSite=Strict%s",
			 cookie_name(is), (int)value.len,
			 (const char *)value.at, (long long)seconds,
			 is_https(is) ? "; Secure" : "");
	if (n < 0 || (size_t)n >= sizeof line ||
	    (size_t)n + OTHERS > http_room(rq))
		return MM_ERR_TOO_LARGE;
	http_set(rq, "Set-Cookie", line);
	explicit_bzero(line, sizeof line);
	return MM_OK;
}

struct search {
	const char *name;
	struct span value;
	size_t found;
};

static struct span trim(struct span s)
{
	while (s.len != 0 && s.at[0] == ' ')
		s = span_of(s.at + 1, s.len - 1);
	while (s.len != 0 && s.at[s.len - 1] == ' ')
		s.len--;
	return s;
}

static bool see_header(void *ctx, const char *name, const char *value)
{
	struct search *s = ctx;
	struct span rest = span_str(value), pair, head;
	if (strcasecmp(name, "Cookie") != 0)
		return true;
	for (bool more = true; more;) {
		more = span_cut(&rest, ';', &pair);
		pair = trim(more ? pair : rest);
		if (!span_cut(&pair, '=', &head) || !span_is(head, s->name))
			continue;
		s->value = pair;
		s->found++;
	}
	return true;
}

/* Of two cookies of that name one is somebody else's, and nobody can say
 * which: none is taken. */
static enum mm_err find_cookie(struct issuer *is, struct http_request *rq,
			       struct span *out)
{
	struct search s = { .name = cookie_name(is) };
	http_headers(rq, see_header, &s);
	*out = s.value;
	if (s.found == 0 || (s.found == 1 && s.value.len == 0))
		return MM_ERR_UNAUTHENTICATED;
	return s.found == 1 ? MM_OK : MM_ERR_MALFORMED;
}

/* ---- made ---- */

/* When the parent dies, as the store has it now. */
static enum mm_err parent_end(struct issuer *is, const struct claims *c,
			      int64_t *out)
{
	struct token_row t;
	enum mm_err e = store_get(is->store, c->list, c->idx, &t);
	if (e == MM_ERR_NOT_FOUND)
		return MM_ERR_REVOKED;
	TRY(e);
	*out = token_dies_at(&t);
	return MM_OK;
}

/* No rights but those that open the console. */
static void fill_scope(const struct claims *c, struct narrow_grant *g)
{
	struct span scope = claims_span(c, c->scope);
	bool admin =
		c->has_scope && scope_has(scope, span_str("mintmark:admin"));
	bool self =
		!c->has_scope || scope_has(scope, span_str("mintmark:self"));
	g->has_scope = true;
	snprintf(g->scope, sizeof g->scope, "%s%s%s",
		 admin ? "mintmark:admin" : "", admin && self ? " " : "",
		 self ? "mintmark:self" : "");
}

static enum mm_err give(struct issuer *is, struct http_request *rq,
			const struct claims *c, const struct session *s,
			int64_t now)
{
	char id[JTI_SIZE], parent[JTI_SIZE];
	struct narrow_grant g = { .exp = s->ends, .aud_count = 1 };
	AUTO_BUF struct buf token = buf_new(2 * TOKEN_MAX);
	const struct access_says says = { .iss = is->set.issuer,
					  .sub = claims_text(c, c->sub),
					  .parent = parent,
					  .list = c->list,
					  .idx = c->idx,
					  .iat = now,
					  .auth_time = s->since,
					  .cidr = claims_text(c, c->cidr),
					  .grant = &g };
	token_id_write(parent, c->list, c->idx);
	audience_of(is, g.aud);
	fill_scope(c, &g);
	TRY(access_sign(is, &says, id, &token, http_why(rq)));
	return set_cookie(is, rq, span_of(token.at, token.len), s->ends - now);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_end(const struct issuer *is, int64_t now, int64_t since,
			int64_t parent_end)
{
	return least(least(now + is->set.console_life, since + SESSION_LONGEST),
		     parent_end);
}

enum mm_err session_begin(struct issuer *is, struct http_request *rq,
			  const struct claims *c, struct session *out)
{
	int64_t now = clock_now(), end;
	TRY(parent_end(is, c, &end));
	out->since = now;
	out->ends = next_end(is, now, now, end);
	if (out->ends <= now)
		return MM_ERR_EXPIRED;
	enum mm_err e = give(is, rq, c, out, now);
	return e == MM_ERR_TOO_LARGE
		       ? why_say(http_why(rq), MM_ERR_INVALID, "token",
				 "the session's cookie has no room beside what "
				 "your browser sends: delete other cookies of "
				 "this host, or shorten the names of issuer "
				 "and user")
		       : e;
}

/* What cannot be renewed now is good as it is. */
void session_renew(struct issuer *is, struct http_request *rq,
		   const struct claims *c, struct session *s)
{
	int64_t now = clock_now(), end;
	struct session next = *s;
	if ((c->exp - now) * 2 >= c->exp - c->iat ||
	    parent_end(is, c, &end) != MM_OK)
		return;
	next.ends = next_end(is, now, s->since, end);
	if (next.ends > s->ends && give(is, rq, c, &next, now) == MM_OK)
		*s = next;
}

void session_end(struct issuer *is, struct http_request *rq)
{
	enum mm_err e = set_cookie(is, rq, span_str(""), 0);
	MM_ASSERT(e == MM_OK); /* it is short */
}

/* ---- checked ---- */

/* What struct claims has no room for. */
struct more {
	int64_t auth_time;
};

/* When he signed in.  An exchanged token (RFC 8693) may have our audience,
 * too, but never this claim. */
static enum mm_err read_since(struct span token, const struct claims *c,
			      int64_t *out)
{
	static const struct json_field fields[] = {
		{ "auth_time", JSON_KIND_INT, offsetof(struct more, auth_time),
		  8, 1, NULL },
	};
	static const struct json_table table = { fields, 1, false, 0 };
	struct jws t;
	uint8_t payload[TOKEN_MAX];
	size_t n;
	struct more more;
	uint32_t seen;
	TRY(jws_split(token, &t));
	TRY(base64url_decode(t.payload, payload, sizeof payload, &n));
	TRY(strict_json_read(span_of(payload, n), &table, &more, &seen));
	if (seen != 1 || more.auth_time <= 0 || more.auth_time > c->iat)
		return MM_ERR_MALFORMED;
	*out = more.auth_time;
	return MM_OK;
}

static enum mm_err read_session(struct issuer *is, struct http_request *rq,
				struct span token, struct claims *c,
				int64_t *since)
{
	char audience[ISS_SIZE + 16], from[ADDRESS_SIZE];
	int64_t now = clock_now(), last_use;
	const struct own_ask ask = { audience, from, now };
	audience_of(is, audience);
	http_peer(rq, from);
	TRY(own_read(is, token, OWN_ACCESS, c));
	if (!c->access) /* somebody has put his PAT there */
		return MM_ERR_MALFORMED;
	TRY(own_check(is, c, &ask, &last_use));
	TRY(read_since(token, c, since));
	return now < *since + SESSION_LONGEST ? MM_OK : MM_ERR_EXPIRED;
}

enum mm_err session_check(struct issuer *is, struct http_request *rq,
			  struct claims *c, struct session *out)
{
	struct span token;
	TRY(find_cookie(is, rq, &token));
	TRY(session_own_page(is, rq));
	TRY(read_session(is, rq, token, c, &out->since));
	out->ends = c->exp;
	return MM_OK;
}
