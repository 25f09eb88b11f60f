/* gzip.h - bytes packed for the way (RFC 1952; RFC 9110 s8.4.1.3). */
#ifndef MM_COMMON_GZIP_H
#define MM_COMMON_GZIP_H

#include "common/buf.h"

/* Append the packed bytes.  The same bytes pack to the same. */
MM_MUST_USE enum mm_err gzip_bytes(struct span bytes, struct buf *out);

#endif
