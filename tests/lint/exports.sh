#!/usr/bin/env bash
# exports.sh - libmintmark.so exports what the header declares and the map
# lists, and nothing else; pam_mintmark.so what PAM calls, and brings no more
# libraries into other people's processes than it must.
set -u
. tests/lint/lib.sh
so=$1/verifier/libmintmark.so

declared=$(sed -n '/^MM_API/,/;/p' verifier/include/mintmark/verify.h |
	grep -oE '\bmm_[a-z_]+\(' | tr -d '(' | sort -u)
mapped=$(grep -oE '\bmm_[a-z_]+;' verifier/libmintmark.map | tr -d ';' | sort -u)
exported=$(nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | grep -vE '^(__asan|__ubsan|__tsan|_init|_fini)' | sort -u)

[ -n "$declared" ] || finding "verifier/include/mintmark/verify.h:1: declares nothing?"
[ "$declared" = "$mapped" ] || finding \
	"verifier/libmintmark.map:1: differs from verify.h: $(diff <(echo "$declared") <(echo "$mapped") | grep '^[<>]' | tr '\n' ' ')"
[ "$declared" = "$exported" ] || finding \
	"$(basename "$so"): differs from verify.h: $(diff <(echo "$declared") <(echo "$exported") | grep '^[<>]' | tr '\n' ' ')"

module=$1/verifier/pam/pam_mintmark.so
asked=$(grep -oE '\bpam_sm_[a-z_]+' verifier/pam/pam_mintmark.map | sort -u)
given=$(nm -D --defined-only "$module" | awk '{ print $3 }' |
	grep -vE '^(__asan|__ubsan|__tsan)' | sort -u)
[ -n "$asked" ] || finding "verifier/pam/pam_mintmark.map:1: lists nothing?"
[ "$asked" = "$given" ] ||
	finding "$(basename "$module"): exports $given"
while IFS= read -r lib; do
	case $lib in
	libpam.so.* | libcrypto.so.* | libc.so.* | lib[atu]*san.so.*) ;;
	*) finding "$(basename "$module"): needs $lib" ;;
	esac
done < <(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
finish
