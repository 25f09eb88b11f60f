#!/usr/bin/env bash
# skipped.sh - tests/skipped lets no skip through that tests/skips.allow does
# not know, says each before ctest's summary, and knows only tests that are there.
set -u
. tests/lint/lib.sh
allow=tests/skips.allow
while read -r name reason; do
	family=${name%%.*}
	grep -qw -- "${name#*.}" "tests/$family/CMakeLists.txt" ||
		finding "$allow:1: there is no test $name"
	[ -n "$reason" ] || finding "$allow:1: no reason for $name"
done < <(grep -v '^#' "$allow" | grep .)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp tests/skipped "$work"

# One run of ctest, of what these lines of sh are for its test x.y.
run() {
	{
		printf 'add_test(%s sh -c "%s")\n' x.y "$1" x.good true
		echo 'set_tests_properties(x.y PROPERTIES SKIP_RETURN_CODE 77)'
	} >"$work/CTestTestfile.cmake"
	set -o pipefail
	ctest --test-dir "$work" 2>&1 | "$work/skipped" "$work" >"$work/said"
}

# expect CODE TEXT SH [ALLOWED]: exit CODE, and TEXT is said before the summary.
expect() {
	local code
	printf '%s\n' "${4:-}" >"$work/skips.allow"
	run "$3"
	code=$?
	[ $code = "$1" ] || finding "tests/skipped:1: exit $code, not $1, of: $3"
	[ -z "$2" ] || sed '/tests passed,/,$d' "$work/said" | grep -qF -- "$2" ||
		finding "tests/skipped:1: \"$2\" is not said of: $3"
	sed '1,/tests passed,/d' "$work/said" | grep -q 'Total Test time' ||
		finding "tests/skipped:1: the summary does not come last of: $3"
}
expect 0 '' 'echo fine'
expect 8 '' 'exit 1'
expect 1 'x.y: no root' 'echo skipped: no root; exit 77'
expect 0 'x.y: no root' 'echo skipped: no root; exit 77' 'x.y  no [a-z]oot'
expect 1 'x.y: no disk' 'echo skipped: no disk; exit 77' 'x.y  no [a-z]oot'
expect 1 'x.y: no root' 'echo skipped: no root; exit 77' 'x.z  no [a-z]oot'
expect 1 'x.y: it does not say why' 'exit 77' 'x.y  no root'
expect 1 'x.y: A.test_b: no root' 'echo skipped: A.test_b: no root'
expect 1 'x.y: test_a' "echo '[  SKIPPED ] test_a'" # cmocka's skip()
expect 0 'x.y: test_a: no root' \
	"echo skipped: test_a: no root; echo '[  SKIPPED ] test_a'" 'x.y  no root'
finish
