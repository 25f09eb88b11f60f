/* auth.c - from a request's Authorization header to a verified token. */
#include "auth.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REALM "realm=\"notes\""

static enum MHD_Result count(void *ctx, enum MHD_ValueKind kind,
			     const char *name, const char *value)
{
	int *n = ctx;
	(void)kind, (void)value;
	*n += strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0;
	return MHD_YES;
}

/* Who sends two may mean either: a proxy in front may have judged the other
 * one, so neither is believed. */
static const char *the_one_header(struct MHD_Connection *c, bool *presented)
{
	int n = 0;
	MHD_get_connection_values(c, MHD_HEADER_KIND, count, &n);
	*presented = n != 0;
	if (n != 1)
		return NULL;
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_AUTHORIZATION);
}

/* The other end of the connection; "": not known.  Behind a proxy that is the
 * proxy, and its client's address the last one in X-Forwarded-For, if that
 * proxy writes it. */
static void peer_address(struct MHD_Connection *c, char out[NI_MAXHOST])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	socklen_t len = a && a->sa_family == AF_INET6
				? sizeof(struct sockaddr_in6)
				: sizeof(struct sockaddr_in);
	if (a == NULL ||
	    getnameinfo(a, len, out, NI_MAXHOST, NULL, 0, NI_NUMERICHOST) != 0)
		out[0] = '\0';
}

static enum mm_err verify_basic(struct mm_verifier *v, struct MHD_Connection *c,
				struct mm_client *client, struct mm_token *out)
{
	enum mm_err err = MM_ERR_MALFORMED;
	char *token = NULL;
	char *user = MHD_basic_auth_get_username_password(c, &token);
	/* The user is checked, too: whoever names another than the token's
	 * is mistaken about whose files these are. */
	client->user = user;
	if (user != NULL && token != NULL)
		err = mm_verify_client(v, client, token, strlen(token), out);
	MHD_free(user);
	MHD_free(token);
	return err;
}

void auth_verify(struct mm_verifier *v, struct MHD_Connection *c,
		 struct auth *out)
{
	static const char bearer[] = "Bearer ";
	const size_t n = sizeof bearer - 1;
	char address[NI_MAXHOST];
	struct mm_client client = { .address = address };
	const char *header = the_one_header(c, &out->presented);
	out->err = MM_ERR_MALFORMED;
	if (header == NULL)
		return;
	peer_address(c, address);
	if (strncasecmp(header, bearer, n) == 0)
		out->err = mm_verify_client(v, &client, header + n,
					    strlen(header + n), &out->token);
	else
		out->err = verify_basic(v, c, &client, &out->token);
}

unsigned auth_status(enum mm_err err)
{
	switch (err) {
	case MM_OK:
		return MHD_HTTP_OK;
	case MM_ERR_INSUFFICIENT_SCOPE:
		return MHD_HTTP_FORBIDDEN;
	case MM_ERR_STALE: /* our trouble, not the token's */
	case MM_ERR_UNAVAILABLE:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	default: /* also what a later libmintmark may add */
		return MHD_HTTP_UNAUTHORIZED;
	}
}

/* A stranger gets one answer, whatever was wrong with the token: the reason
 * is for the log (RFC 6750 section 3.1 has one word for all of them, too). */
void auth_challenge(struct MHD_Response *r, const struct auth *a,
		    const char *scope)
{
	char text[512];
	switch (auth_status(a->err)) {
	case MHD_HTTP_UNAUTHORIZED:
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					a->presented
						? "Bearer " REALM
						  ", error=\"invalid_token\""
						: "Bearer " REALM);
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Basic " REALM ", charset=\"UTF-8\"");
		return;
	case MHD_HTTP_FORBIDDEN:
		snprintf(text, sizeof text,
			 "Bearer " REALM
			 ", error=\"insufficient_scope\", scope=\"%s\"",
			 scope);
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					text);
		return;
	case MHD_HTTP_SERVICE_UNAVAILABLE:
		MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "10");
		return;
	default:
		return;
	}
}
