#!/usr/bin/env bash
# sizes.sh - functions fit a screen: at most 60 lines, 4 levels, 6
# parameters; files at most 400 lines.  Exceptions: sizes.allow, by name.
set -u
. tests/lint/lib.sh
allow=tests/lint/sizes.allow

allowed() { grep -qx "$1" "$allow"; }

for f in $(c_files common keys issuer verifier cli examples); do
	n=$(wc -l <"$f")
	[ "$n" -le 400 ] || allowed "$f" || finding "$f:1: $n lines"
done

# name, file, line, end, signature of every function
while IFS=$'\t' read -r name file line end signature; do
	allowed "$file:$name" && continue
	lines=$((end - line + 1))
	[ "$lines" -le 60 ] || finding "$file:$line: $name has $lines lines"
	commas=${signature//[!,]/}
	[ ${#commas} -le 5 ] ||
		finding "$file:$line: $name has $((${#commas} + 1)) parameters"
	depth=$(sed -n "${line},${end}p" "$file" |
		awk '{ for (i = 1; i <= length($0); i++) {
				c = substr($0, i, 1)
				if (c == "{" && ++d > m) m = d
				if (c == "}") d-- } }
			END { print m - 1 }')
	[ "$depth" -le 4 ] || finding "$file:$line: $name is $depth levels deep"
done < <(c_files common keys issuer verifier cli examples | grep '\.c$' |
	ctags -L - --languages=C --kinds-C=f --fields=+neS --output-format=json |
	jq -r '[.name, .path, .line, .end, .signature] | @tsv')

finish
