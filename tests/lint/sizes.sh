#!/usr/bin/env bash
# sizes.sh - functions fit a screen: at most 60 lines, 4 levels, 6
# parameters; files at most 400 lines.  Exceptions: sizes.allow, by name.
set -u
. tests/lint/lib.sh
allow=tests/lint/sizes.allow

for f in $(c_files common keys issuer verifier cli examples); do
	n=$(wc -l <"$f")
	[ "$n" -le 400 ] || grep -qx "$f" "$allow" || finding "$f:1: $n lines"
done

# name, file, line, end, signature of every function, by file
functions() {
	c_files common keys issuer verifier cli examples | grep '\.c$' |
		ctags -L - --sort=no --languages=C --kinds-C=f --fields=+neS \
			--output-format=json |
		jq -r '[.name, .path, .line, .end, .signature] | @tsv'
}

# All in one program: it is thousands of functions.
while IFS= read -r f; do
	finding "$f"
done < <(functions | awk -F '\t' -v allow="$allow" '
	BEGIN { while ((getline name < allow) > 0) allowed[name] = 1 }
	$2 != file {
		file = $2
		for (n = 0; (getline line < file) > 0;) text[++n] = line
		close(file)
	}
	(file ":" $1) in allowed { next }
	{
		at = file ":" $3 ": " $1
		if ($4 - $3 + 1 > 60) print at " has " $4 - $3 + 1 " lines"
		commas = gsub(/,/, ",", $5)
		if (commas > 5) print at " has " commas + 1 " parameters"
		depth = most = 0
		for (i = $3; i <= $4; i++)
			for (rest = text[i]; match(rest, /[{}]/);
			     rest = substr(rest, RSTART + 1)) {
				depth += substr(rest, RSTART, 1) == "{" ? 1 : -1
				if (depth > most) most = depth
			}
		if (most > 5) print at " is " most - 1 " levels deep"
	}
	END { if (NR == 0) print "ctags has seen no function" }')
finish
