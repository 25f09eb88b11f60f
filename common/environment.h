/* environment.h - variables with our prefix that no program of ours reads: a
 * mistyped one would be passed over without a word. */
#ifndef MM_COMMON_ENVIRONMENT_H
#define MM_COMMON_ENVIRONMENT_H

#include "common/span.h"

/* "MINTMARK_LISTNE is no setting ...", into `sentence`.  The value is nobody's
 * to see. */
#define UNKNOWN_SIZE 256
/* Of the variables behind the first *at of them, the next that is unknown;
 * false: there is none.  Begin with *at = 0. */
bool environment_unknown(size_t *at, char sentence[UNKNOWN_SIZE]);

#endif
