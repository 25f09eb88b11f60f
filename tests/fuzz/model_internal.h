/* model_internal.h - what model.c and model_snapshot.c share. */
#ifndef MM_TESTS_FUZZ_MODEL_INTERNAL_H
#define MM_TESTS_FUZZ_MODEL_INTERNAL_H

#include <jansson.h>
#include <stdlib.h>

#include "tests/fuzz/model.h"

/* An event, or a list of a snapshot: what stands in it. */
struct model_event {
	const char *type, *kind, *kid;
	json_int_t seq, list, idx, value, last_use, size, expires;
	json_t *jwk;
};

static inline void *zeros(size_t n)
{
	void *p = calloc(n ? n : 1, 1);
	MM_ASSERT(p != NULL);
	return p;
}

static inline json_t *parse(struct span text)
{
	return json_loadb((const char *)text.at, text.len,
			  JSON_REJECT_DUPLICATES, NULL);
}

bool model_head(json_t *o, struct model *m);
bool model_new_list(json_t *o, struct model_event *e);
struct model_list *model_add(struct model *m, int64_t list, bool slides,
			     int64_t size, int64_t expires);
struct model_list *model_find(struct model *m, int64_t list);
/* Has *m room for a list of so many tokens? */
bool model_has_room(const struct model *m, int64_t size);
/* The kid of a key that can be used, written in at most `room` bytes. */
bool model_usable(const json_t *jwk, size_t room, char kid[KID_SIZE]);
size_t model_key_at(const struct model *m, const char *kid);

#endif
