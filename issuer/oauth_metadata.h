/* oauth_metadata.h - the answer of RFC 8414, made once at the start. */
#ifndef MM_ISSUER_OAUTH_METADATA_H
#define MM_ISSUER_OAUTH_METADATA_H

#include "common/http.h"

MM_MUST_USE enum mm_err oauth_metadata_new(const char *iss,
					   struct http_body **out);

#endif
