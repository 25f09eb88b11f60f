/* fuzz_snapshot.c - a snapshot beside the model: for who holds nothing it
 * is what jansson and zlib read in it; for who holds a state, it takes that
 * state's place whole or changes nothing, and it never goes back (PROTOCOL.md
 * section 5).  Written again it says the same; and as a signed object it is
 * none, for nobody has signed it.
 */
#include "common/feed.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model.h"

#define AUTO_REPLICA __attribute__((cleanup(replica_free)))
#define AUTO_MODEL   __attribute__((cleanup(model_free)))

/* Is it a step forward from the base? */
static bool follows(const struct model *m)
{
	return strcmp(m->iss, MODEL_ISS) == 0 &&
	       (strcmp(m->epoch, MODEL_EPOCH) == 0 ? m->seq >= 7
						   : m->iat >= 1790000000);
}

static void check_first(struct span input, const struct model *want, bool good)
{
	AUTO_REPLICA struct replica r = { .seq = 0 };
	MM_ASSERT((snapshot_read(input, &r) == MM_OK) == good);
	if (good)
		model_check(want, &r);
	else
		MM_ASSERT(r.list_count == 0 && r.keys.count == 0);
}

static void check_next(struct span input, struct model *want, bool good)
{
	AUTO_REPLICA struct replica r;
	AUTO_MODEL struct model before;
	AUTO_BUF struct buf payload = buf_new(SNAPSHOT_MAX);
	model_base(&r);
	model_of(&r, &before);
	MM_ASSERT(jws_open(input, TYP_SNAPSHOT, &r.keys, &payload) != MM_OK);
	bool taken = snapshot_read(input, &r) == MM_OK;
	MM_ASSERT(taken == (good && follows(want)));
	int64_t iat = want->iat;
	if (want->iat < before.iat)
		want->iat = before.iat; /* time does not go back */
	model_check(taken ? want : &before, &r);
	want->iat = iat;
}

static void check_written(struct span input, const struct model *want)
{
	AUTO_REPLICA struct replica r = { .seq = 0 }, back = { .seq = 0 };
	AUTO_BUF struct buf payload = buf_new(SNAPSHOT_MAX);
	struct span text;
	MM_ASSERT(snapshot_read(input, &r) == MM_OK);
	MM_ASSERT(snapshot_write(&r, r.iat, 30, &payload) == MM_OK);
	MM_ASSERT(buf_done(&payload, &text) == MM_OK);
	MM_ASSERT(snapshot_read(text, &back) == MM_OK);
	model_check(want, &back);
}

bool fuzz_one(struct span input)
{
	AUTO_MODEL struct model want;
	enum model_answer a = model_read(input, &want);
	bool good = a == MODEL_TAKEN;
	if (a == MODEL_TOO_MUCH)
		return false;
	check_first(input, &want, good);
	check_next(input, &want, good);
	if (good)
		check_written(input, &want);
	return good;
}
