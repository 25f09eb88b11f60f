#!/usr/bin/env bash
# docs.sh - what the code offers, the documents name: routes and settings in
# PROTOCOL.md and README.md or docs/, public functions in the header's
# manual page of PROTOCOL.md.
set -u
. tests/lint/lib.sh
docs=(README.md PROTOCOL.md)

routes=$(sed -nE 's/^\t\{ "([A-Z]+)", +"([^"]+)".*/\1 \2/p' issuer/routes.c)
[ -n "$routes" ] || finding "issuer/routes.c:1: no routes found?"
while read -r method path; do
	shown=${path//\{\}/\{[a-z]+\}}
	grep -qE "$method +$shown([^a-z{]|\$)" PROTOCOL.md ||
		finding "issuer/routes.c:1: $method $path is not in PROTOCOL.md"
done <<<"$routes"

while read -r s; do
	grep -qE "\`(--)?${s//_/[-_]}" "${docs[@]}" ||
		finding "issuer/issuer.h:1: setting $s is in no document"
done < <(grep -oE '^	X\([a-z_]+' issuer/issuer.h | sed 's/.*X(//')
finish
