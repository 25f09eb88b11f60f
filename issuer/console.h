/* console.h - the console's files, ready to be sent. */
#ifndef MM_ISSUER_CONSOLE_H
#define MM_ISSUER_CONSOLE_H

#include "common/http.h"

struct console;

MM_MUST_USE enum mm_err console_open(struct console **out);
void console_close(struct console *c); /* NULL is allowed */

#endif
