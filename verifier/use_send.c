/* use_send.c - step 4, in the verifying process: when to say what.  And what
 * the other side reads, so that both are in one place. */
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

void use_sender_open(struct use_sender *s, const char *state_path,
		     const char *door)
{
	s->fd = -1;
	door_write(s->door, door);
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

bool use_datagram_read(struct use_datagram *d, ssize_t size)
{
	if (size == (ssize_t)sizeof *d)
		return memcmp(d->magic, USE_MAGIC, sizeof d->magic) == 0;
	if (size != USE_SIZE_1 ||
	    memcmp(d->magic, USE_MAGIC_1, sizeof d->magic) != 0)
		return false;
	memset(d->door, 0, sizeof d->door);
	memset(d->from, 0, sizeof d->from);
	return true;
}

/* ---- when ---- */

enum said { IN_THIS_SECOND, IN_THIS_TURN };

/* What is noted of a token, its second or its turn, and where. */
struct note {
	_Atomic uint64_t *place;
	uint64_t mark;
};

static struct note note_of(struct use_sender *s, const struct claims *c,
			   enum said what, uint32_t when)
{
	uint64_t id = (uint64_t)c->list << 32 | c->idx << 1 | what;
	uint64_t hash = (id + 1) * UINT64_C(0x9E3779B97F4A7C15);
	return (struct note){ &s->recent[(hash >> 24) % USE_RECENT],
			      (hash & ~(uint64_t)UINT32_MAX) | when };
}

/* Said already in this second?  If not, note that it now is. */
static bool said_just_now(struct use_sender *s, const struct claims *c,
			  int64_t now)
{
	struct note n = note_of(s, c, IN_THIS_SECOND, (uint32_t)now);
	return atomic_exchange_explicit(n.place, n.mark,
					memory_order_relaxed) == n.mark;
}

/* The hour in which it is, or, for those that live by their use, that part of
 * their window: the state file may say that such a token was used just now
 * because somebody told the agent so with other numbers than the token's, and
 * no issuer ever hears of that. */
static uint32_t turn_of(const struct claims *c, int64_t now)
{
	if (c->auto_refresh == 0)
		return (uint32_t)(now / SEEN_GRAIN);
	int64_t grain = use_grain(c);
	return (uint32_t)(now / (grain ? grain : 1));
}

/* Told of in this turn?  A token that is remembered costs a look, however
 * many there are; of others as many are known as `recent` holds. */
static bool is_told(struct use_sender *s, const struct used *u, uint32_t turn)
{
	if (u->told != NULL &&
	    atomic_load_explicit(u->told, memory_order_relaxed) == turn)
		return true;
	struct note n = note_of(s, u->claims, IN_THIS_TURN, turn);
	if (atomic_load_explicit(n.place, memory_order_relaxed) != n.mark)
		return false;
	if (u->told != NULL)
		atomic_store_explicit(u->told, turn, memory_order_relaxed);
	return true;
}

static void note_told(struct use_sender *s, const struct used *u, uint32_t turn)
{
	struct note n = note_of(s, u->claims, IN_THIS_TURN, turn);
	atomic_store_explicit(n.place, n.mark, memory_order_relaxed);
	if (u->told != NULL)
		atomic_store_explicit(u->told, turn, memory_order_relaxed);
}

/* ---- what ---- */

/* Best effort: without an agent there is nobody to tell.  False: it is there,
 * and has no time just now. */
static bool tell(struct use_sender *s, const struct used *u, int64_t now)
{
	const struct claims *c = u->claims;
	struct use_datagram d = { .magic = { 'M', 'M', 'U', '2' },
				  .list = c->list,
				  .idx = c->idx,
				  .used_at = now,
				  .iat = c->iat,
				  .exp = c->exp,
				  .auto_refresh = c->auto_refresh };
	memcpy(d.door, s->door, sizeof d.door);
	(void)span_copy(d.from, sizeof d.from, u->from);
	return sendto(s->fd, &d, sizeof d, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&s->to, sizeof s->to) >= 0 ||
	       errno != EAGAIN;
}

/* What keeps a token alive is told whether or not its turn was.  The use of
 * an access token is no use of the token that it was made from. */
static bool is_worth_telling(struct use_sender *s, const struct used *u,
			     uint32_t turn, int64_t now)
{
	if (s->fd < 0 || u->claims->access)
		return false;
	return use_is_news(u->claims, u->last_use, now) || !is_told(s, u, turn);
}

void use_send(struct use_sender *s, const struct used *u, int64_t now)
{
	uint32_t turn = turn_of(u->claims, now);
	if (is_worth_telling(s, u, turn, now) &&
	    !said_just_now(s, u->claims, now) && tell(s, u, now))
		note_told(s, u, turn);
}
