/* verify_desk.h - a verifier on a state file of our own, and a clock to set,
 * for the tests of mm_verify(). */
#ifndef MM_TESTS_VERIFY_DESK_H
#define MM_TESTS_VERIFY_DESK_H

#include "tests/unit/verifier_fixture.h"
#include "verifier/verifier.h"

struct desk {
	struct mint m;
	struct state_writer w;
	struct mm_verifier *v;
	int64_t now;
};

static inline int64_t desk_now(void *ctx)
{
	return ((struct desk *)ctx)->now;
}

static inline void desk_open(struct desk *d, struct mm_options opt)
{
	struct why why = { .text = "" };
	opt.now = desk_now;
	opt.now_ctx = d;
	assert_ok(verifier_open_state(&opt, d->m.path, &d->v, &why));
}

static inline void desk_begin(struct desk *d, struct mm_options opt)
{
	*d = (struct desk){ .now = T0 + 100 };
	mint_begin(&d->m);
	assert_ok(state_create(&d->w, d->m.path, &d->m.r, NULL, DAY, NULL));
	state_put_head(&d->w, 7, T0);
	assert_ok(state_install(&d->w, NULL));
	desk_open(d, opt);
}

static inline void desk_end(struct desk *d)
{
	mm_close(d->v);
	state_writer_close(&d->w);
	mint_end(&d->m);
}

/* A new file in the old one's place. */
static inline void desk_publish(struct desk *d)
{
	state_writer_close(&d->w);
	assert_ok(state_create(&d->w, d->m.path, &d->m.r, NULL, DAY, NULL));
	state_put_head(&d->w, ++d->m.r.seq, d->now);
	assert_ok(state_install(&d->w, NULL));
	usleep(2000); /* beyond the pause between two looks at the path */
}

/* Twice: what is said of a token seen before is what was said at first. */
static inline enum mm_err ask(struct desk *d, struct says s,
			      struct mm_token *out)
{
	AUTO_BUF struct buf b;
	struct span t = token_make(&d->m, s, &b);
	struct mm_token first = *out;
	enum mm_err e = mm_verify(d->v, (const char *)t.at, t.len, &first);
	assert_err(mm_verify(d->v, (const char *)t.at, t.len, out), e);
	assert_memory_equal(out, &first, sizeof first);
	return e;
}

#endif
