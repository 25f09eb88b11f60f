#!/usr/bin/env bash
# coverage.sh [BUILD] - which of our lines did the tests run?  Of a token's way
# through the library, and of the parsers of strangers' bytes, all; of
# everything 95 in a hundred.  Run the tests first:
#
#   ./check --preset coverage unit fuzz attacks faults flow limits doors
#
# BUILD is build/coverage unless said.
#
# A line that cannot be reached is to go.  If it guards against what cannot be
# made to happen here, GCOVR_EXCL_LINE on it, with the reason, leaves it out.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1-} in
-h | --help) sed -n '2,11s/^# \{0,1\}//p' tests/coverage.sh && exit 0 ;;
-*) echo "coverage.sh: no option $1; see --help" >&2 && exit 2 ;;
esac
build=${1:-build/coverage}

if [ -z "$(find "$build" -name '*.gcda' -print -quit 2>/dev/null)" ]; then
	echo "coverage.sh: no tests were run in $build; first say" \
		"./check --preset coverage unit fuzz attacks faults flow limits doors" >&2
	exit 2
fi

way='verifier/(verify|cache|epoch|reader|state_read|use_send)\.c|common/signature\.c'
parsers='common/(base64url|cidr|claims|duration|feed_.*|form|http_uri|json|json_lex|jwk.*|jws|negotiate|query|scope|settings|status_list)\.c|verifier/agent/(credentials|need|subrequest)\.c|verifier/pam/(name|options|state_file)\.c'

if ! lines=$(gcovr --root . "$build" --filter '(common|keys|issuer|verifier|cli)/' \
	--json-summary 2>/dev/null) ||
	! jq -e '.files | length > 0' <<<"$lines" >/dev/null; then
	echo "coverage.sh: gcovr finds no line of ours in $build; is it installed" \
		"(tests/install-packages test), and the build this source's?" >&2
	exit 2
fi
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
