#!/usr/bin/env bash
# headers.sh - the installed header stands alone, as C11 and as C++; each of
# our own compiles by itself.
set -u
. tests/lint/lib.sh
read -ra pq < <(pkg-config --cflags-only-I libpq)
flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only)
installed=verifier/include/mintmark/verify.h

gcc -std=c11 -x c "${flags[@]}" "$installed" || finding "$installed:1: not C11"
g++ -std=c++11 -x c++ "${flags[@]}" "$installed" || finding "$installed:1: not C++"

for f in $(c_files common keys issuer verifier cli examples | grep '\.h$'); do
	case $f in "$installed" | common/banned.h) continue ;; esac
	printf '#include "%s"\n' "$f" |
		gcc -std=c17 -D_GNU_SOURCE '-DMM_VERSION="0"' -x c -I. \
			-Iverifier/include "${pq[@]}" -include common/banned.h -Wall \
			-Wextra -Werror -fsyntax-only - ||
		finding "$f:1: does not compile by itself"
done
finish
