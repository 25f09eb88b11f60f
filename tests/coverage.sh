#!/usr/bin/env bash
# coverage.sh BUILD - which of our lines did the tests run?  Of a token's way
# through the library, and of the parsers of strangers' bytes, all; of
# everything 95 in a hundred.  After: ./check --preset coverage with the labels
# that ./check --long gives it.
#
# A line that cannot be reached is to go.  If it guards against what cannot be
# made to happen here, GCOVR_EXCL_LINE on it, with the reason, leaves it out.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/coverage}

way='verifier/(verify|cache|epoch|reader|state_read)\.c|common/signature\.c'
parsers='common/(base64url|cidr|claims|duration|feed_.*|form|json|json_lex|jwk.*|jws|negotiate|scope|status_list)\.c|verifier/agent/(credentials|need|subrequest)\.c'

lines=$(gcovr --root . "$build" --filter '(common|keys|issuer|verifier|cli)/' \
	--json-summary 2>/dev/null)
# name, its share in percent, what has to be; and which files are short of it
share() {
	local name=$1 want=$2
	jq -r --arg name "$name" --argjson want "$want" --arg which "$3" '
		[.files[] | select(.filename | test("^(" + $which + ")$"))] |
		((map(.line_covered) | add) * 1000 / (map(.line_total) | add) |
		floor / 10) as $share |
		"\($name): \($share) % of the lines (to be: \($want) %)",
		if $share < $want then
			(.[] | select(.line_percent < $want) |
			"  \(.filename): \(.line_percent) %"),
			error("too few")
		else empty end' <<<"$lines" 2>/dev/null
}

failed=0
share "a token's way through the library" 100 "$way" || failed=1
share "parsers of strangers' bytes" 100 "$parsers" || failed=1
share everything 95 '.*' || failed=1
exit $failed
