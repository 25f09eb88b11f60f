/* steady.c - can the clock be believed? */
#include "issuer/steady.h"

#include "common/clock.h"

#define JUMP_MOST 600	/* seconds off the steady clock between two looks */
#define DOWN_LONG 86400 /* away for longer: is the clock set yet? */
#define STEADY_MS 60000

void steady_begin(struct steady *s, int64_t last)
{
	*s = (struct steady){ .last_now = clock_now(), .last_ms = clock_ms() };
	if (s->last_now - last > DOWN_LONG || s->last_now < last - JUMP_MOST)
		s->from = s->last_ms + STEADY_MS;
}

bool steady_look(struct steady *s, int64_t *off)
{
	int64_t now = clock_now(), ms = clock_ms();
	*off = (now - s->last_now) - (ms - s->last_ms) / 1000;
	if (*off > JUMP_MOST || *off < -JUMP_MOST)
		s->from = ms + STEADY_MS;
	else
		*off = 0;
	s->last_now = now;
	s->last_ms = ms;
	return ms >= s->from;
}
