/* environment.c - which MINTMARK_ variables there are.
 *
 * Programs share the prefix, and often an environment: what one does not read
 * another may.  So all that any of them reads is known here (flow.bad_start
 * holds the list to what they print).
 */
#include "common/environment.h"

#include <stdio.h>
#include <unistd.h>

#define PREFIX "MINTMARK_"

/* clang-format off */
static const char *const known[] = {
	/* mintmarkd, and what it shares with mintmark-agent */
	"ALLOWED_AUDIENCES", "ALLOWED_SCOPES", "BEHIND_PROXY", "CONNECTIONS",
	"CONSOLE_LIFE", "DATA", "DEFAULT_LIFE", "DEV", "EXCHANGE_LIFE",
	"FEED_RETAIN", "FEED_TTL", "FORBIDDEN_SCOPES", "ISSUER",
	"KEEP_ADDRESSES", "KEY_PASSPHRASE_FILE", "LISTEN", "LIST_TTL",
	"MAX_LIFE", "MAX_TOKENS", "MAX_WINDOW", "METRICS", "MINT_FOR",
	"MINT_WITH", "REQUIRE_SCOPES", "RESTORED", "SELF_SERVICE", "STORE",
	"TLS_CERT", "TLS_KEY", "USER", "WARN_BEFORE", "WARN_COMMAND",
	"WARN_RETRY", "WARN_WEBHOOK", "WORKERS",
	/* mintmark-agent */
	"ACCESS_TOKENS", "FEED_FROM", "JWKS", "MAX_STALENESS",
	"REPORT_ADDRESSES", "SERVE_FEED", "STATE", "TOKEN_FILE",
	/* mintmark */
	"SOCKET", "TOKEN", "URL",
	/* keys/, bindings/python, deploy/caddy */
	"BIN", "LIB", "AGENT",
};
/* clang-format on */

/* Kubernetes and Docker say by such where a service named mintmark is. */
static bool is_address(struct span name, const char *value)
{
	static const char port[] = "_PORT";
	size_t n = strlen(port);
	return memmem(name.at, name.len, "_SERVICE_", 9) != NULL ||
	       memmem(name.at, name.len, "_PORT_", 6) != NULL ||
	       (memcmp(name.at + name.len - n, port, n) == 0 &&
		strstr(value, "://") != NULL);
}

static bool is_known(struct span name)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (span_is(name, known[i]))
			return true;
	return false;
}

bool environment_unknown(size_t *at, char sentence[UNKNOWN_SIZE])
{
	size_t prefix = strlen(PREFIX);
	while (environ != NULL && environ[*at] != NULL) {
		const char *all = environ[(*at)++];
		size_t n = strcspn(all, "=");
		if (all[n] == '\0' || strncmp(all, PREFIX, prefix) != 0 ||
		    is_known(span_of(all + prefix, n - prefix)) ||
		    is_address(span_of(all, n), all + n + 1))
			continue;
		snprintf(sentence, UNKNOWN_SIZE,
			 "%.*s in the environment is no setting, and nobody "
			 "reads it: is it mistyped? --help has the names",
			 n < 100 ? (int)n : 100, all);
		return true;
	}
	return false;
}
