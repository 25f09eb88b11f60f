/* handlers.h - every handler that routes.c names. */
#ifndef MM_ISSUER_HANDLERS_H
#define MM_ISSUER_HANDLERS_H

#include "issuer/issuer.h"

/* tokens.c */
http_handler token_create, token_rotate;
/* tokens_read.c */
http_handler token_list, token_show, user_list;
/* tokens_change.c */
http_handler token_revoke, token_suspend, token_reinstate, user_revoke;
/* sign_in.c, me.c */
http_handler sign_in, sign_out, me_get;
/* overview.c */
http_handler overview_get;
/* agents.c */
http_handler feed_get, snapshot_get, uses_post;
/* public.c */
http_handler jwks_get, status_list_get, list_index_get;
http_handler version_get;
/* health_http.c */
http_handler health_live, health_ready_get;
/* keys_http.c */
http_handler key_list, key_reload;
/* key_rotate.c */
http_handler key_rotate;
/* audit_http.c */
http_handler audit_get;
/* oauth_metadata.c, oauth_introspect.c, oauth_revoke.c, oauth_exchange.c */
http_handler metadata_get, oauth_inspect, oauth_revoke, oauth_token;
/* openapi.c */
http_handler openapi_get;
/* console.c */
http_handler console_get, console_move;

/* The token that the path names ("/v1/tokens/{}"), if the caller may see
 * it: MM_ERR_NOT_FOUND, with the sentence. */
MM_MUST_USE enum mm_err token_of_path(struct issuer *is,
				      struct http_request *rq,
				      struct token_row *out);

#endif
