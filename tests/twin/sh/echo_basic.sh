# SPDX-License-Identifier: MIT OR Apache-2.0
# The shell's own words: quoting, expansion, arithmetic, here documents.
echo hello world; echo "a  b" 'c$d' "$((6*7))"
x=abc; echo ${x#a} ${x%c} ${#x} ${y:-none} ${x:+set}
cat <<X
here $x
X
cat <<'X'
there $x
X
for i in 1 2 3; do printf '%s,' $i; done; echo
set -- p q r; echo $# "$@" "$*"
case foo in f*) echo match;; *) echo no;; esac
i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 3 ] && continue; echo $i; done
f() { local v=1; echo f $1 $v; return 3; }; f x; echo $?
