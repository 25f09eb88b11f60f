#!/usr/bin/env bash
# prometheus.sh - promtool understands deploy/prometheus/, its alerts come when
# they should, and what they ask for is in docs/metrics.md.
set -u
. tests/lint/lib.sh
rules=deploy/prometheus/mintmark.rules.yml
tested=tests/lint/mintmark.rules.test.yml

# check WHERE COMMAND...
check() {
	local where=$1 said
	shift
	said=$("$@" 2>&1) || finding "$where:1: ${said//$'\n'/; }"
}
check deploy/prometheus/prometheus.yml \
	promtool check config deploy/prometheus/prometheus.yml
check "$rules" promtool check rules --lint-fatal "$rules"
check "$tested" promtool test rules "$tested"

while read -r m; do
	grep -qF "| \`$m\` |" docs/metrics.md ||
		finding "$rules:1: $m is not in docs/metrics.md"
done < <(grep -oE '\bmintmark_[a-z_]+\b' "$rules" | sort -u)
alerts=$(sed -nE 's/^ *- alert: *//p' "$rules")
[ -n "$alerts" ] || finding "$rules:1: no alerts found?"
while read -r a; do
	grep -qF "alertname=\"$a\"" "$tested" || finding "$tested:1: no test of $a"
done <<<"$alerts"
finish
