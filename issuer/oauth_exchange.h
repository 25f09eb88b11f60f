/* oauth_exchange.h - names of RFC 8693 that more than one file knows. */
#ifndef MM_ISSUER_OAUTH_EXCHANGE_H
#define MM_ISSUER_OAUTH_EXCHANGE_H

#define GRANT_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"

#endif
