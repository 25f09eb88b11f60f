/* fuzz.h - what each harness is, whoever runs it.
 *
 * A harness (fuzz_NAME.c) takes one input and holds the code under test to
 * its property: not "does not crash" but "agrees with somebody else".  It
 * is linked with libfuzzer.c where clang fuzzes (the preset "fuzz"), and
 * with replay.c in every other build.
 */
#ifndef MM_TESTS_FUZZ_H
#define MM_TESTS_FUZZ_H

#include "common/span.h"

/* Give the input to the code under test; stop the process (MM_ASSERT) if
 * the property does not hold.  Was the input accepted? */
bool fuzz_one(struct span input);

#endif
