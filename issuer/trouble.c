/* trouble.c - what goes wrong, again and again, as the log has it. */
#include "issuer/trouble.h"

#include <stdbool.h>

#include "common/log.h"

#define AGAIN_MS 60000 /* between two words of the same */
#define QUIET_MS 5000  /* until it is over */

_Static_assert(MM_ERR_COUNT <= 64, "each has a bit in trouble.reasons");

/* Is it to be said now? */
static bool is_news(struct trouble *t, enum mm_err e, int64_t now)
{
	uint64_t bit = UINT64_C(1) << e;
	if (t->met++ == 0) {
		t->first = now;
		t->reasons = 0;
	}
	t->last = now;
	if ((t->reasons & bit) != 0 && now - t->said < AGAIN_MS)
		return false;
	t->reasons |= bit;
	t->said = now;
	return true;
}

static bool is_over(struct trouble *t, int64_t now)
{
	return t->met != 0 && now - t->last >= QUIET_MS;
}

/* ---- saying it ---- */

static void say(const struct trouble *t, enum mm_err e, const char *detail)
{
	const char *word = mm_err_word(e);
	long long seconds = (t->last - t->first) / 1000;
	if (t->what != NULL)
		log_event(LOG_ERR, t->event,
			  "what=%s reason=%s seconds=%lld times=%llu", t->what,
			  word, seconds, t->met);
	else if (detail != NULL)
		log_event(LOG_ERR, t->event,
			  "reason=%s detail=%s seconds=%lld times=%llu", word,
			  detail, seconds, t->met);
	else
		log_event(LOG_ERR, t->event,
			  "reason=%s seconds=%lld times=%llu", word, seconds,
			  t->met);
}

static void say_over(const struct trouble *t)
{
	long long seconds = (t->last - t->first) / 1000;
	if (t->what != NULL)
		log_event(LOG_NOTICE, t->over,
			  "what=%s seconds=%lld times=%llu", t->what, seconds,
			  t->met);
	else
		log_event(LOG_NOTICE, t->over, "seconds=%lld times=%llu",
			  seconds, t->met);
}

void trouble_note(struct trouble *t, enum mm_err e, const char *detail,
		  int64_t now)
{
	pthread_mutex_lock(&t->lock);
	if (e != MM_OK) {
		if (is_news(t, e, now))
			say(t, e, detail);
	} else if (is_over(t, now)) {
		say_over(t);
		t->met = 0;
	}
	pthread_mutex_unlock(&t->lock);
}
