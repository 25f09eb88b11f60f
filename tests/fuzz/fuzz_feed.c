/* fuzz_feed.c - a batch beside the model: what is applied to a replica is
 * what jansson reads, event by event, and nothing else has changed; so a
 * revoked token comes back to life only where an event says so in its own
 * number.  Refused as a whole, it has changed nothing.
 *
 * Besides, each event is written as it was read; the same batch again
 * changes nothing (caches answer late); and as a signed object it is none,
 * for nobody has signed it.
 */
#include "common/feed.h"
#include "common/history.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model.h"

#define AUTO_REPLICA __attribute__((cleanup(replica_free)))
#define AUTO_MODEL   __attribute__((cleanup(model_free)))

struct seen {
	size_t count;
	uint64_t seq; /* of the last */
};

static void see(void *ctx, const struct event *e)
{
	struct seen *s = ctx;
	struct event back;
	struct span text;
	AUTO_BUF struct buf b = buf_new(4096);
	MM_ASSERT(e->seq == s->seq + 1);
	s->seq = e->seq;
	s->count++;
	MM_ASSERT(event_write(e, &b) == MM_OK && buf_done(&b, &text) == MM_OK);
	MM_ASSERT(event_read(text, &back) == MM_OK);
	MM_ASSERT(memcmp(&back, e, sizeof back) == 0);
}

static void check_unsigned(struct span input, const struct replica *r)
{
	AUTO_BUF struct buf payload = buf_new(FEED_BATCH_MAX);
	MM_ASSERT(jws_open(input, TYP_FEED, &r->keys, &payload) != MM_OK);
}

static void lead_on(void *history, const struct event *e)
{
	MM_ASSERT(history_add(history, e) == MM_OK);
}

/* Who knows his history takes nothing but what leads on from it; and where a
 * batch breaks off, he knows it still. */
static void check_history(struct span input)
{
	static const char mine[] = "00112233445566778899aA";
	AUTO_REPLICA struct replica r;
	char led[HISTORY_SIZE];
	model_base(&r);
	memcpy(r.history, mine, sizeof mine);
	memcpy(led, mine, sizeof mine);
	(void)!batch_apply(&r, input, lead_on, led);
	MM_ASSERT(strcmp(r.history, led) == 0);
}

static void check_again(struct span input, struct replica *r,
			const struct model *m)
{
	struct seen s = { 0, r->seq };
	MM_ASSERT(batch_apply(r, input, see, &s) == MM_OK && s.count == 0);
	model_check(m, r);
}

bool fuzz_one(struct span input)
{
	AUTO_REPLICA struct replica r;
	AUTO_MODEL struct model m;
	size_t count;
	model_base(&r);
	model_of(&r, &m);
	struct seen s = { 0, r.seq };
	enum model_answer want = model_apply(&m, input, &count);
	if (want == MODEL_TOO_MUCH)
		return false;
	check_unsigned(input, &r);
	bool good = batch_apply(&r, input, see, &s) == MM_OK;
	MM_ASSERT(good == (want == MODEL_TAKEN) && s.count == count);
	model_check(&m, &r);
	check_history(input);
	if (good)
		check_again(input, &r, &m);
	return good;
}
