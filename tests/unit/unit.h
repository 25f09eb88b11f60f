/* unit.h - what every unit test includes: cmocka, and refusals that say
 * which row of a table they came from. */
#ifndef MM_TESTS_UNIT_H
#define MM_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Is `got` the answer that the row named `what` wants? */
static inline void expect(const char *what, enum mm_err got, enum mm_err want)
{
	if (got != want)
		fail_msg("%s: %s, not %s", what, mm_err_word(got),
			 mm_err_word(want));
}

static inline struct span done(struct buf *b)
{
	struct span s;
	assert_int_equal(buf_done(b, &s), MM_OK);
	return s;
}

/* A file of tests/vectors without its last newline; the text is b's. */
static inline struct span vector(const char *name, struct buf *b)
{
	char path[512];
	*b = buf_new(4096);
	snprintf(path, sizeof path, "%s/%s", MM_VECTORS, name);
	expect(path, buf_read_file(b, path, NULL), MM_OK);
	struct span s = done(b);
	assert_true(s.len > 1 && s.at[s.len - 1] == '\n');
	return span_of(s.at, s.len - 1);
}

#endif
