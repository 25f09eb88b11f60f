# shellcheck shell=bash
# lib.sh - for the lint scripts: findings go out as FILE:LINE, one a line,
# and the script ends with `finish`.  Run from the top of the project.
findings=0

finding() {
	printf '%s\n' "$*"
	findings=$((findings + 1))
}

# Our C files below the folders named.
c_files() {
	git ls-files -co --exclude-standard -- "$@" |
		grep -E '\.[ch]$'
}

finish() {
	[ "$findings" -eq 0 ] && exit 0
	printf '%d findings\n' "$findings"
	exit 1
}
