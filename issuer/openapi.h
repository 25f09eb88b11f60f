/* openapi.h - the description of the API, compiled in from openapi.json. */
#ifndef MM_ISSUER_OPENAPI_H
#define MM_ISSUER_OPENAPI_H

#include "issuer/issuer.h"

MM_MUST_USE enum mm_err openapi_new(struct http_body **out);

#endif
