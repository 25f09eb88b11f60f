/* skip_since.h - cmocka's skip(), which says why; tests/skipped reads it. */
#ifndef MM_TESTS_SKIP_SINCE_H
#define MM_TESTS_SKIP_SINCE_H

#define skip_since(why)                                                        \
	do {                                                                   \
		print_message("skipped: %s: %s\n", __func__, why);             \
		skip();                                                        \
	} while (0)

#endif
