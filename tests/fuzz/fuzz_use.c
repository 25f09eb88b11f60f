/* fuzz_use.c - what comes in on the agent's socket of uses, which others of
 * its group may write to: datagrams of any size, each behind a byte that
 * says it.  Whatever they say, no token comes back to life and no status
 * changes; a last use only moves forward, never past our clock, and only
 * that of the token named, if it was alive then and is one that slides.
 */
#include "verifier/keep.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/model.h"

#define AUTO_MODEL __attribute__((cleanup(model_free)))

enum { NOW = 1790000200, DATAGRAMS_MAX = 8 };

static char path[256];

static void remove_files(void)
{
	static const char *const ends[] = { "", ".lock", ".journal" };
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		char file[300];
		snprintf(file, sizeof file, "%s%s", path, ends[i]);
		unlink(file);
	}
}

static void end(void)
{
	remove_files();
	fuzz_folder_end();
}

static void begin(struct keeper *k)
{
	if (path[0] == '\0') {
		snprintf(path, sizeof path, "%s/state", fuzz_folder());
		MM_ASSERT(atexit(end) == 0);
	}
	remove_files();
	MM_ASSERT(keep_open(k, path, MODEL_ISS, 86400, NULL) == MM_OK);
	model_base(&k->replica);
	k->holds = true;
	MM_ASSERT(keep_show(k, NULL) == MM_OK);
}

/* Put what the state file says into the model's place, and look at how it
 * came there. */
static void check_uses(const struct keeper *k, struct model_list *l,
		       const struct use_datagram *d, bool taken)
{
	const struct state_header *h = k->live.head;
	const struct state_list *row = state_find(h, (uint32_t)l->list);
	for (uint32_t i = 0; i < l->size; i++) {
		int64_t use = state_last_use(h, row, i);
		int64_t before = l->uses ? l->uses[i] : 0;
		MM_ASSERT(state_status(h, row, i) == l->status[i]);
		if (use == before)
			continue;
		MM_ASSERT(taken && d->list == l->list && d->idx == i);
		MM_ASSERT(l->slides && use == d->used_at && use > before);
		MM_ASSERT(use <= NOW + 1 && use >= d->iat && use < d->exp);
		/* not after it had died of not being used */
		int64_t from = before > d->iat ? before : d->iat;
		MM_ASSERT(use - from < d->auto_refresh);
		l->uses[i] = (uint32_t)use;
	}
}

static bool take(struct keeper *k, struct model *m, struct span bytes)
{
	struct use_datagram d;
	memset(&d, 0xA5, sizeof d);
	memcpy(&d, bytes.at, bytes.len);
	if (!use_datagram_read(&d, (ssize_t)bytes.len)) {
		MM_ASSERT(bytes.len != sizeof d ||
			  memcmp(bytes.at, USE_MAGIC, 4) != 0 || d.zero != 0);
		return false;
	}
	MM_ASSERT(bytes.len == sizeof d || bytes.len == USE_SIZE_1);
	bool taken = keep_use(k, &d, NOW) == MM_OK;
	for (size_t i = 0; i < m->lists; i++)
		check_uses(k, &m->list[i], &d, taken);
	return taken;
}

/* Was any taken? */
bool fuzz_one(struct span input)
{
	AUTO_MODEL struct model shown, held;
	struct keeper k;
	bool any = false;
	begin(&k);
	model_of(&k.replica, &shown);
	model_of(&k.replica, &held);
	for (int i = 0; i < DATAGRAMS_MAX && input.len != 0; i++) {
		size_t n = input.at[0] % (sizeof(struct use_datagram) + 1);
		if (n > input.len - 1)
			n = input.len - 1;
		any |= take(&k, &shown, span_of(input.at + 1, n));
		input = span_of(input.at + 1 + n, input.len - 1 - n);
	}
	model_check(&held, &k.replica); /* which is the issuer's */
	keep_close(&k);
	return any;
}
