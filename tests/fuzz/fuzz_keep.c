/* fuzz_keep.c - what an agent is sent, one object a line, and what it holds
 * after each: the first letter says what is done with the rest of the line.
 *
 *	b s	signed by the issuer, as a batch or as a snapshot
 *	B S	likewise, by somebody else
 *	x	it is the object, signature and all
 *	r	the agent is stopped here, and starts again
 *
 * %K stands for the issuer's key.  What nobody trusted has signed changes
 * nothing.  What is taken does what the model reads in it, and no more; no
 * snapshot gives a revoked token back.  The state file
 * says of every token what is held, and a restart finds all of it again.
 */
#include "verifier/keep.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/tokens.h"

#define AUTO_MODEL __attribute__((cleanup(model_free)))

enum { NOW = 1790000200, OBJECTS_MAX = 8 };

static struct jwk *ours, *theirs;
static struct buf first, public_key; /* a signed snapshot; a JWK */
static char path[256];
static bool broken; /* a batch broke off: a snapshot must come */

/* ---- the agent ---- */

static void remove_files(void)
{
	static const char *const ends[] = { "", ".lock", ".journal",
					    ".checkpoint", ".pending" };
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

static void begin(void)
{
	AUTO_BUF struct buf payload = buf_new(65536);
	struct replica r;
	struct span text;
	if (ours != NULL)
		return;
	snprintf(path, sizeof path, "%s/state", fuzz_folder());
	model_base(&r);
	ours = tokens_key(&r);
	MM_ASSERT(jwk_generate(JWK_ES256, &theirs) == MM_OK);
	MM_ASSERT(snapshot_write(&r, r.iat, 30, &payload) == MM_OK);
	MM_ASSERT(buf_done(&payload, &text) == MM_OK);
	first = buf_new(65536);
	MM_ASSERT(jws_sign(ours, TYP_SNAPSHOT, text, &first) == MM_OK);
	public_key = buf_new(JWK_TEXT_MAX);
	MM_ASSERT(jwk_to_json(ours, &public_key) == MM_OK);
	replica_free(&r);
	MM_ASSERT(atexit(end) == 0);
}

static void open_keeper(struct keeper *k)
{
	MM_ASSERT(keep_open(k, path, MODEL_ISS, 86400, NULL) == MM_OK);
	MM_ASSERT(keep_load(k, NOW, NULL) == MM_OK);
}

/* The first contact: the keys are pinned. */
static void meet(struct keeper *k)
{
	struct jwk_set pinned = { .count = 0 };
	remove_files();
	open_keeper(k);
	MM_ASSERT(!k->holds && jwk_set_add(&pinned, ours) == MM_OK);
	MM_ASSERT(keep_take_snapshot(k, span_of(first.at, first.len), &pinned,
				     NOW, NULL) == MM_OK);
	jwk_set_clear(&pinned);
}

/* ---- what it holds ---- */

/* When the issuer was heard is not the model's to say. */
static void check_holds(const struct keeper *k, struct model *want)
{
	want->iat = k->replica.iat;
	MM_ASSERT(k->fresh_at <= NOW);
	model_check(want, &k->replica);
}

static void check_shown(const struct keeper *k)
{
	AUTO_MAP struct state_map *m = NULL;
	MM_ASSERT(state_map_open(path, &m, NULL) == MM_OK);
	MM_ASSERT(m->head->list_count == k->replica.list_count);
	MM_ASSERT(m->keys.count == k->replica.keys.count);
	for (size_t i = 0; i < k->replica.list_count; i++) {
		const struct list *l = &k->replica.lists[i];
		const struct state_list *row = state_find(m->head, l->list);
		MM_ASSERT(row != NULL && row->size == l->size);
		for (uint32_t n = 0; n < l->size; n++) {
			MM_ASSERT(state_status(m->head, row, n) ==
				  status_get(l->status, n));
			MM_ASSERT(state_last_use(m->head, row, n) ==
				  (l->last_use ? l->last_use[n] : 0));
		}
	}
}

static void start_again(struct keeper *k)
{
	AUTO_MODEL struct model held;
	model_of(&k->replica, &held);
	keep_close(k);
	open_keeper(k);
	MM_ASSERT(k->holds);
	if (!broken) /* else it stands before the batch */
		check_holds(k, &held);
	broken = false;
	check_shown(k);
}

/* ---- what it takes ---- */

static bool stays(const struct model_list *a, const struct model_list *b,
		  int64_t n, bool lost)
{
	if (a->status[n] != STATUS_REVOKED)
		return lost && b->status[n] == STATUS_VALID;
	return lost || !a->slides || !b->slides || b->uses[n] <= a->uses[n];
}

/* Whatever a snapshot says: what was revoked stays so, but for a token that
 * has been used since; of another history, what was suspended, too. */
static void keep_refused(struct model *to, const struct model *from, bool lost)
{
	for (size_t i = 0; i < from->lists; i++)
		for (size_t j = 0; j < to->lists; j++) {
			const struct model_list *a = &from->list[i];
			struct model_list *b = &to->list[j];
			for (int64_t n = 0;
			     a->list == b->list && n < a->size && n < b->size;
			     n++)
				if (stays(a, b, n, lost))
					b->status[n] = a->status[n];
		}
}

/* Should it take this snapshot?  Then *m becomes what it says. */
static enum model_answer take_snapshot(struct model *m, struct span payload)
{
	struct model next;
	enum model_answer a = model_read(payload, &next);
	bool same = a == MODEL_TAKEN && !strcmp(next.epoch, m->epoch);
	if (a == MODEL_TAKEN &&
	    (strcmp(next.iss, m->iss) != 0 ||
	     (same ? next.seq < m->seq : next.iat <= m->iat)))
		a = MODEL_REFUSED;
	if (a != MODEL_TAKEN) {
		model_free(&next);
		return a;
	}
	keep_refused(&next, m, !same);
	model_free(m);
	*m = next;
	return a;
}

static enum mm_err give(struct keeper *k, char kind, struct span payload)
{
	bool batch = kind == 'b' || kind == 'B';
	bool is_ours = kind == 'b' || kind == 's';
	AUTO_BUF struct buf jws = buf_new(1 << 20);
	struct span object;
	MM_ASSERT(jws_sign(is_ours ? ours : theirs,
			   batch ? TYP_FEED : TYP_SNAPSHOT, payload,
			   &jws) == MM_OK);
	MM_ASSERT(buf_done(&jws, &object) == MM_OK);
	/* one kind of object is never taken for the other */
	MM_ASSERT((batch ? keep_take_snapshot : keep_take_batch)(
			  k, object, NULL, NOW, NULL) != MM_OK);
	return (batch ? keep_take_batch : keep_take_snapshot)(k, object, NULL,
							      NOW, NULL);
}

static bool has_key(const struct keeper *k)
{
	return jwk_set_find(&k->replica.keys, jwk_kid(ours)) != NULL;
}

/* Signed by the issuer.  False: more than the model looks at. */
static bool take(struct keeper *k, char kind, struct span payload, bool *taken)
{
	AUTO_MODEL struct model m;
	size_t count = 0;
	bool known = has_key(k);
	model_of(&k->replica, &m);
	enum model_answer a = !known	    ? MODEL_REFUSED
			      : kind == 'b' ? model_apply(&m, payload, &count)
					    : take_snapshot(&m, payload);
	if (a == MODEL_TOO_MUCH)
		return false;
	*taken = give(k, kind, payload) == MM_OK;
	MM_ASSERT(*taken == (a == MODEL_TAKEN));
	check_holds(k, &m);
	broken = (broken && !*taken) || (!*taken && count != 0);
	if (!broken)
		check_shown(k);
	return true;
}

static void refuse(struct keeper *k, char kind, struct span rest)
{
	AUTO_MODEL struct model m;
	model_of(&k->replica, &m);
	if (kind != 'x') {
		MM_ASSERT(give(k, kind, rest) != MM_OK);
	} else {
		MM_ASSERT(keep_take_batch(k, rest, NULL, NOW, NULL) != MM_OK);
		MM_ASSERT(keep_take_snapshot(k, rest, NULL, NOW, NULL) !=
			  MM_OK);
	}
	check_holds(k, &m);
}

/* False: no more of this input. */
static bool act(struct keeper *k, struct span line, bool *taken)
{
	char kind = line.len ? (char)line.at[0] : '\0';
	struct span rest = span_of(line.at + 1, line.len - 1);
	if (kind == 'r')
		start_again(k);
	else if (kind == 'b' || kind == 's')
		return take(k, kind, rest, taken);
	else if (kind == 'B' || kind == 'S' || kind == 'x')
		refuse(k, kind, rest);
	return kind != '\0';
}

static void fill(struct span input, struct buf *out)
{
	for (size_t i = 0; i < input.len; i++) {
		bool key = input.len - i >= 2 &&
			   memcmp(input.at + i, "%K", 2) == 0;
		buf_add(out, key ? span_of(public_key.at, public_key.len)
				 : span_of(input.at + i, 1));
		i += key;
	}
}

/* Was the last object taken? */
bool fuzz_one(struct span input)
{
	AUTO_BUF struct buf text = buf_new(1 << 20);
	struct keeper k;
	struct span rest, line;
	bool taken = false;
	begin();
	fill(input, &text);
	MM_ASSERT(buf_done(&text, &rest) == MM_OK);
	broken = false;
	meet(&k);
	for (int i = 0; i < OBJECTS_MAX && rest.len != 0; i++) {
		if (!span_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		if (!act(&k, line, &taken))
			break;
	}
	start_again(&k);
	keep_close(&k);
	return taken;
}
