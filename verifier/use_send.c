/* use_send.c - step 4, in the verifying process: when to say what. */
#include "verifier/use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

bool use_address(const char *state_path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int n = snprintf(out->sun_path, sizeof out->sun_path, "%s%s",
			 state_path, USE_SUFFIX);
	return n > 0 && (size_t)n < sizeof out->sun_path;
}

void use_sender_open(struct use_sender *s, const char *state_path)
{
	s->fd = -1;
	if (use_address(state_path, &s->to))
		s->fd = socket(AF_UNIX,
			       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

bool use_sender_barred(const struct use_sender *s)
{
	return s->fd >= 0 &&
	       faccessat(AT_FDCWD, s->to.sun_path, W_OK, AT_EACCESS) != 0 &&
	       errno == EACCES;
}

void use_sender_close(struct use_sender *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Said already in this second?  If not, note that it now is. */
static bool said_just_now(struct use_sender *s, const struct claims *c,
			  int64_t now)
{
	uint64_t id = (uint64_t)c->list << 32 | c->idx;
	uint64_t hash = (id + 1) * UINT64_C(0x9E3779B97F4A7C15);
	uint64_t mark = (hash & ~(uint64_t)UINT32_MAX) | (uint32_t)now;
	_Atomic uint64_t *place = &s->recent[(hash >> 24) % USE_RECENT];
	return atomic_exchange_explicit(place, mark, memory_order_relaxed) ==
	       mark;
}

void use_send(struct use_sender *s, const struct claims *c, int64_t last_use,
	      int64_t now)
{
	if (s->fd < 0 || !use_is_news(c, last_use, now) ||
	    said_just_now(s, c, now))
		return;
	struct use_datagram d = { .magic = { 'M', 'M', 'U', '1' },
				  .list = c->list,
				  .idx = c->idx,
				  .used_at = now,
				  .iat = c->iat,
				  .exp = c->exp,
				  .auto_refresh = c->auto_refresh };
	/* Best effort: without an agent there is nobody to tell. */
	(void)!sendto(s->fd, &d, sizeof d, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&s->to, sizeof s->to);
}
