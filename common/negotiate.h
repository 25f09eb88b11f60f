/* negotiate.h - which form of a body a client wants, by its headers: pure
 * readers of Accept-Encoding and If-None-Match (RFC 9110). */
#ifndef MM_COMMON_NEGOTIATE_H
#define MM_COMMON_NEGOTIATE_H

#include <stdbool.h>

/* Is gzip acceptable, and not less welcome than the plain bytes?  NULL (no
 * header) and what is no Accept-Encoding: no. */
bool accepts_gzip(const char *accept_encoding);

/* Is `etag` (with its quotes) in the list, or the list a star?  Weak ones
 * count as strong (s13.1.2).  NULL: no. */
bool etag_listed(const char *if_none_match, const char *etag);

#endif
