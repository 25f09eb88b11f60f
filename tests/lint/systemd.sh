#!/usr/bin/env bash
# systemd.sh - systemd understands the units in deploy/systemd/, each timer has
# its service, and what they run is there and kept on a short lead.
set -u
. tests/lint/lib.sh
command -v systemd-analyze >/dev/null || {
	echo "skipped: there is no systemd-analyze"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where things are installed is not where they are now; programs that are to
# be built may not be anywhere.
for f in deploy/systemd/*; do
	sed -E -e "s,^(ExecStart=)/usr/local/libexec/mintmark/,\1$PWD/," \
		-e 's,^(ExecStart=)/usr/local/s?bin/mintmark[a-z-]*,\1/bin/true,' \
		"$f" >"$work/${f##*/}"
done
for f in deploy/systemd/*.timer; do
	[ -e "${f%.timer}.service" ] || finding "$f:1: it has no service"
done
for f in deploy/systemd/*; do
	if ! said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \
		"$work/${f##*/}" 2>&1) || [ -n "$said" ]; then
		finding "$f:1: ${said//$'\n'/; }"
	fi
done
# Tokens and keys are in the memory of each; systemd's measure has no eye on it.
for f in deploy/systemd/*.service; do
	for limit in LimitCORE=0 MemorySwapMax=0; do
		grep -qx "$limit" "$f" || finding "$f:1: $limit is missing"
	done
done
# systemd's own measure, 0 (tight) to 100 (open): docs/security-tests.md tells
# of it.  The daemons have a network, the timers' services have none.
for f in deploy/systemd/*.service; do
	most=12
	[ ! -e "${f%.service}.timer" ] || most=5
	systemd-analyze security --offline=yes --threshold=$most \
		"$work/${f##*/}" >"$work/said" 2>&1 ||
		finding "$f:1: $(tail -n 1 "$work/said")"
done
finish
