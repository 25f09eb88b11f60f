#!/usr/bin/env bash
# layers.sh - who may include whom, and one place for each dependency.
set -u
. tests/lint/lib.sh

# deny WHERE... -- PATTERN WHY: no file there includes what matches
deny() {
	local where=() line
	while [ "$1" != -- ]; do where+=("$1") && shift; done
	while IFS= read -r line; do
		finding "$line ($3)"
	done < <(c_files "${where[@]}" | xargs grep -nE "^ *# *include $2")
}

# only FILES-PATTERN HEADER: nobody else includes it
only() {
	local line
	while IFS= read -r line; do
		finding "$line (<$2> belongs in $1)"
	done < <(c_files common keys issuer verifier cli |
		grep -vE "^($1)\$" | xargs grep -nF "include <$2>")
}

deny common -- '"(issuer|verifier|keys|cli|tests)/' 'common/ includes common/ only'
deny keys -- '"(issuer|verifier|cli|tests)/' 'keys/ includes common/ only'
deny issuer -- '("|<)(verifier|cli|tests|mintmark)/' 'the issuer knows no verifier'
deny verifier -- '"(issuer|keys|cli|tests)/' 'the verifier knows no issuer'
deny cli -- '"(issuer|verifier|tests)/' 'cli/ uses HTTP and the installed header'
deny verifier -- '<(microhttpd|sqlite3|jwt)\.h>' 'the verifier has no server and no database'
deny verifier ':!verifier/agent' -- '"common/http\.h"' 'libmintmark has no server; the agent has'
deny examples bindings -- '("|<)(common|keys|issuer|verifier|cli|tests)/' 'examples and bindings use the installed header'

only 'common/http[a-z_]*\.[ch]' microhttpd.h
only 'issuer/store_pg[a-z_]*\.[ch]' libpq-fe.h
only 'issuer/store_sqlite[a-z_]*\.[ch]' sqlite3.h
only 'issuer/mint\.c' jwt.h
only 'cli/(client|place|probe)\.c|verifier/fetch\.c|issuer/webhook\.c' curl/curl.h
only 'common/(status_list|gzip)\.c' zlib.h
for header in appl modules ext modutil; do
	only 'verifier/pam/[a-z_]*\.c' "security/pam_$header.h"
done
only 'common/jwk_uri\.c' openssl/engine.h
only 'common/jwk_uri\.c' openssl/store.h

finish
