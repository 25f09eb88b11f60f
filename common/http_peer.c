/* http_peer.c - the address at the other end, or at the far end of a proxy. */
#include <arpa/inet.h>

#include "common/http_internal.h"

/* Into the one way to write it; "" for what is no address. */
static void write_address(int family, const void *at, char out[ADDRESS_SIZE])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *bytes = at;
	if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
		family = AF_INET;
		bytes += sizeof mapped;
	}
	if (inet_ntop(family, bytes, out, ADDRESS_SIZE) == NULL)
		out[0] = '\0';
}

static void socket_address(const struct http_request *rq,
			   char out[ADDRESS_SIZE])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		rq->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	if (a != NULL && a->sa_family == AF_INET)
		write_address(AF_INET,
			      &((const struct sockaddr_in *)(const void *)a)
				       ->sin_addr,
			      out);
	else if (a != NULL && a->sa_family == AF_INET6)
		write_address(AF_INET6,
			      &((const struct sockaddr_in6 *)(const void *)a)
				       ->sin6_addr,
			      out);
}

/* The last element of the last line: what stands before it was said by
 * whoever asked the proxy, and may be anything. */
static bool last_forwarded(void *ctx, const char *name, const char *value)
{
	const char **last = ctx, *comma = strrchr(value, ',');
	if (strcasecmp(name, "X-Forwarded-For") == 0)
		*last = comma ? comma + 1 : value;
	return true;
}

static void forwarded_address(const struct http_request *rq,
			      char out[ADDRESS_SIZE])
{
	char text[ADDRESS_SIZE];
	uint8_t at[sizeof(struct in6_addr)];
	const char *last = NULL;
	http_headers(rq, last_forwarded, &last);
	if (last == NULL)
		return;
	last += strspn(last, " \t");
	if (!span_copy(text, sizeof text, span_of(last, strcspn(last, " \t"))))
		return;
	if (inet_pton(AF_INET, text, at) == 1)
		write_address(AF_INET, at, out);
	else if (inet_pton(AF_INET6, text, at) == 1)
		write_address(AF_INET6, at, out);
}

void http_peer(const struct http_request *rq, char out[ADDRESS_SIZE])
{
	out[0] = '\0';
	if (rq->conn->poller->local)
		return;
	if (rq->server->opt.behind_proxy)
		forwarded_address(rq, out);
	else
		socket_address(rq, out);
}
