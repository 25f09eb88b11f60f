#!/usr/bin/env bash
# docs.sh - what the code offers, the documents (and ./run) name: routes, settings
# and options in PROTOCOL.md and README.md or docs/, public functions in the header's
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

# What is installed to be run, ./run builds: people paste its names.
programs=$(sed -nE 's/^install\(TARGETS (.*) RUNTIME.*/\1/p' \
	issuer/CMakeLists.txt verifier/CMakeLists.txt cli/CMakeLists.txt)
[ -n "$programs" ] || finding "issuer/CMakeLists.txt:1: no programs found?"
for p in $programs; do
	grep -qE -- "--target .*\b$p\b" run ||
		finding "run:1: $p is not built"
done

# Options of the PAM module: in both documents, at the head of its source, and
# in what it says to who misspells one.
pam=verifier/pam/pam_mintmark.c
options=$(sed -nE 's/^	\{ "([a-z_]+)=",.*/\1/p' verifier/pam/options.c)
[ -n "$options" ] || finding "verifier/pam/options.c:1: no options found?"
while read -r o; do
	for where in "\`$o=[A-Z]+\`:README.md" "\`$o=\`:PROTOCOL.md" \
		"^ \*	$o=[A-Z]+ :$pam" \
		"^	\"(.* )?$o=[A-Z]+[ \"]:verifier/pam/options.c"; do
		grep -qE "${where%:*}" "${where##*:}" ||
			finding "${where##*:}:1: nothing on the option $o="
	done
done <<<"$options"
finish
