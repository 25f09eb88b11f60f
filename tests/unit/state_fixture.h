/* state_fixture.h - a state file, written from a mint's replica and mapped. */
#ifndef MM_TESTS_STATE_FIXTURE_H
#define MM_TESTS_STATE_FIXTURE_H

#include "tests/unit/verifier_fixture.h"
#include "verifier/state.h"

static inline void publish(const struct mint *m, struct state_writer *w)
{
	struct why why = { .text = "" };
	assert_ok(state_create(w, m->path, &m->r, NULL, DAY, &why));
	state_put_head(w, m->r.seq, T0);
	assert_ok(state_install(w, &why));
}

static inline struct state_map *map(const char *path)
{
	struct state_map *s = NULL;
	struct why why = { .text = "" };
	if (state_map_open(path, &s, &why) != MM_OK)
		fail_msg("%s", why.text);
	return s;
}

#endif
