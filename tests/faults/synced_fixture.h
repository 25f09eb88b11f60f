/* synced_fixture.h - what is acknowledged is on the disk. */
#ifndef MM_TESTS_SYNCED_FIXTURE_H
#define MM_TESTS_SYNCED_FIXTURE_H

#include "tests/faults/synced.h"

#define assert_synced() assert_string_equal(synced_lost(), "")

#endif
