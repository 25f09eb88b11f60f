/* http_peer.c - the address at the other end, or at the far end of a proxy. */
#include <arpa/inet.h>

#include "common/http_internal.h"

static struct span socket_address(const struct http_request *rq,
				  char room[ADDRESS_SIZE])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		rq->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	const char *text = NULL;
	if (a != NULL && a->sa_family == AF_INET)
		text = inet_ntop(AF_INET,
				 &((const struct sockaddr_in *)(const void *)a)
					  ->sin_addr,
				 room, ADDRESS_SIZE);
	else if (a != NULL && a->sa_family == AF_INET6)
		text = inet_ntop(AF_INET6,
				 &((const struct sockaddr_in6 *)(const void *)a)
					  ->sin6_addr,
				 room, ADDRESS_SIZE);
	return span_str(text ? text : "");
}

struct span http_forwarded(const char *value)
{
	const char *comma = strrchr(value, ','),
		   *at = comma ? comma + 1 : value;
	at += strspn(at, " \t");
	return span_of(at, strcspn(at, " \t"));
}

static bool last_forwarded(void *ctx, const char *name, const char *value)
{
	struct span *last = ctx;
	if (strcasecmp(name, "X-Forwarded-For") == 0)
		*last = http_forwarded(value);
	return true;
}

static struct span forwarded_address(const struct http_request *rq)
{
	struct span last = { NULL, 0 };
	http_headers(rq, last_forwarded, &last);
	return last;
}

void http_peer(const struct http_request *rq, char out[ADDRESS_SIZE])
{
	char room[ADDRESS_SIZE];
	struct address a;
	out[0] = '\0';
	if (rq->conn->poller->local)
		return;
	struct span text = rq->server->opt.behind_proxy
				   ? forwarded_address(rq)
				   : socket_address(rq, room);
	if (address_parse(text, &a))
		address_write(&a, out);
}
