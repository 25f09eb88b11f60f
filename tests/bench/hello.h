/* hello.h - the least that libmicrohttpd can do: a process that answers
 * every request with the same reply, prepared. */
#ifndef MM_TESTS_BENCH_HELLO_H
#define MM_TESTS_BENCH_HELLO_H

#include "tests/bench/system.h"

/* "/hello" is answered with a text, anything else as the agent's /auth is:
 * with its headers, and no body. */
MM_MUST_USE enum mm_err hello_start(pid_t *pid, uint16_t *port);

#endif
