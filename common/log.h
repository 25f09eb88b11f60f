/* log.h - one event a line, as JSON, to standard error.
 *
 *	log_event(LOG_INFO, "token.mint", "id=%s user=%s", id, user);
 *	{"time":"...","level":"info","event":"token.mint","id":"3.1",...}
 *
 * Never a token, a key or a password: the id says which token it was.
 * Libraries do not log; they return.
 */
#ifndef MM_COMMON_LOG_H
#define MM_COMMON_LOG_H

#include <syslog.h>

#include "common/error.h"

/* level: LOG_DEBUG LOG_INFO LOG_NOTICE LOG_WARNING LOG_ERR.  `fmt` is
 * key=value pairs; each value runs to the next " key=" of `fmt`, so values
 * may hold spaces and anything else: they are escaped, and none can forge a
 * key.  What stands before the first key is "text".  Lines of one event
 * name (a string literal) are limited to 100 a second (but for token.*, user.*
 * and key.*, the record of changes); what was left out is counted and said in a
 * line "log.left_out" as soon as there is something else to log.  Lines end at
 * 4000 bytes. */
void log_event(int level, const char *event, const char *fmt, ...)
	MM_PRINTF(3, 4);
void log_set_level(int level); /* before threads start */

#endif
