/* routes.c - the API on one screen. */
#include "issuer/caller.h"
#include "issuer/handlers.h"

#define SMALL 8192	   /* bytes of a body that asks for one thing */
#define FORM  (16 * 1024)  /* a token, scopes and audiences, escaped */
#define USES  (128 * 1024) /* 1,000 uses and room */

/* clang-format off */
const struct http_route issuer_routes[] = {
	/* method    path                          kind        body   handler          who may */
	{ "POST",   "/v1/tokens",                  HTTP_WORK,  SMALL, token_create,    NEED_SELF },
	{ "GET",    "/v1/tokens",                  HTTP_WORK,  0,     token_list,      NEED_SELF },
	{ "GET",    "/v1/tokens/{}",               HTTP_WORK,  0,     token_show,      NEED_SELF },
	{ "DELETE", "/v1/tokens/{}",               HTTP_WORK,  0,     token_revoke,    NEED_SELF },
	{ "POST",   "/v1/tokens/{}/suspend",       HTTP_WORK,  SMALL, token_suspend,   NEED_SELF },
	{ "POST",   "/v1/tokens/{}/reinstate",     HTTP_WORK,  SMALL, token_reinstate, NEED_SELF },
	{ "POST",   "/v1/tokens/{}/rotate",        HTTP_WORK,  SMALL, token_rotate,    NEED_ROTATE },
	{ "DELETE", "/v1/users/{}/tokens",         HTTP_WORK,  0,     user_revoke,     NEED_SELF },
	{ "GET",    "/v1/users",                   HTTP_WORK,  0,     user_list,       NEED_ADMIN },
	{ "GET",    "/v1/me",                      HTTP_WORK,  0,     me_get,          NEED_SELF },
	{ "GET",    "/v1/overview",                HTTP_WORK,  0,     overview_get,    NEED_ADMIN },
	{ "GET",    "/v1/keys",                    HTTP_WORK,  0,     key_list,        NEED_ADMIN },
	{ "POST",   "/v1/keys/reload",             HTTP_WORK,  SMALL, key_reload,      NEED_ADMIN },
	{ "POST",   "/v1/keys/rotate",             HTTP_WORK,  SMALL, key_rotate,      NEED_ADMIN },
	{ "GET",    "/v1/audit",                   HTTP_WORK,  0,     audit_get,       NEED_ADMIN },
	{ "GET",    "/v1/feed",                    HTTP_CROWD, 0,     feed_get,        NEED_FEED },
	{ "GET",    "/v1/snapshot",                HTTP_WORK,  0,     snapshot_get,    NEED_FEED },
	{ "POST",   "/v1/uses",                    HTTP_WORK,  USES,  uses_post,       NEED_AGENT },
	{ "POST",   "/oauth/token",                HTTP_WORK,  FORM,  oauth_token,     NEED_NOTHING },
	{ "POST",   "/oauth/introspect",           HTTP_WORK,  FORM,  oauth_inspect,   NEED_LOOK },
	{ "POST",   "/oauth/revoke",               HTTP_WORK,  FORM,  oauth_revoke,    NEED_NOTHING },
	{ "GET",    "/s",                          HTTP_WORK,  0,     list_index_get,  NEED_NOTHING },
	{ "GET",    "/s/{}",                       HTTP_WORK,  0,     status_list_get, NEED_NOTHING },
	{ "GET",    "/.well-known/jwks.json",      HTTP_WORK,  0,     jwks_get,        NEED_NOTHING },
	{ "GET",    "/.well-known/oauth-authorization-server",   HTTP_NOW, 0, metadata_get, NEED_NOTHING },
	{ "GET",    "/.well-known/oauth-authorization-server/*", HTTP_NOW, 0, metadata_get, NEED_NOTHING },
	{ "GET",    "/health/live",                HTTP_NOW,   0,     health_live,     NEED_NOTHING },
	{ "GET",    "/health/ready",               HTTP_NOW,   0,     health_ready_get, NEED_NOTHING },
	{ "GET",    "/version",                    HTTP_NOW,   0,     version_get,     NEED_NOTHING },
	{ "GET",    "/openapi.json",               HTTP_NOW,   0,     openapi_get,     NEED_NOTHING },
	{ "POST",   "/console/session",            HTTP_WORK,  SMALL, sign_in,         NEED_SIGN_IN },
	{ "DELETE", "/console/session",            HTTP_WORK,  0,     sign_out,        NEED_NOTHING },
	{ "GET",    "/",                           HTTP_NOW,   0,     console_move,    NEED_NOTHING },
	{ "GET",    "/console",                    HTTP_NOW,   0,     console_move,    NEED_NOTHING },
	{ "GET",    "/console/",                   HTTP_NOW,   0,     console_get,     NEED_NOTHING },
	{ "GET",    "/console/{}",                 HTTP_NOW,   0,     console_get,     NEED_NOTHING },
	{ NULL, NULL, HTTP_NOW, 0, NULL, 0 }
};
/* clang-format on */
