/* loopback.h - is this the host itself?  Only there may tokens travel in
 * the clear. */
#ifndef MM_COMMON_LOOPBACK_H
#define MM_COMMON_LOOPBACK_H

#include <stdbool.h>

/* "localhost", any of 127.0.0.0/8, or ::1 (with brackets or without).
 * Names are not resolved: 127.example.org is somebody else's. */
bool host_is_loopback(const char *host);

#endif
