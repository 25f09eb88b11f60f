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

for f in issuer/issuer.h verifier/agent/main.c; do
	while read -r s; do
		grep -qE "\`(--)?${s//_/[-_]}" "${docs[@]}" ||
			finding "$f:1: setting $s is in no document"
	done < <(grep -oE '^	X\([a-z_]+' "$f" | sed 's/.*X(//')
done

params=$(sed -n '/^} params/,/^};/p' verifier/agent/need.c |
	grep -oE '\{ "[a-z]+"' | tr -d '{ "')
[ -n "$params" ] || finding "verifier/agent/need.c:1: no parameters found?"
for p in $params; do
	sed -n '/^### What is needed/,/^### /p' PROTOCOL.md |
		grep -qE "^\|.*\`$p\`.*\|.*\|" ||
		finding "verifier/agent/need.c:1: parameter $p is not in PROTOCOL.md"
done
finish
