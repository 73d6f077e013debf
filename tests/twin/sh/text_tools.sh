# SPDX-License-Identifier: MIT OR Apache-2.0
# Text tools of busybox over one file.
i=1; while [ $i -le 50 ]; do echo "line $i $((i*i%17)) x"; i=$((i+1)); done > t
head -2 t; tail -2 t; wc t; sort -k3n t | head -3; cut -d' ' -f3 t | sort -n | uniq -c; grep -c 1 t; sed -n '5,7p' t; sed 's/line/L/;s/x$/y/' t | tail -1
awk '{s+=$3} END {print s, NR}' t; awk -F' ' '$3>10{print $2}' t | tr '\n' ' '; echo; rev t | head -1; tac t | head -1; nl t | tail -1; paste -d, t t | head -1; fold -w 5 t | head -2
md5sum t; sha256sum t; sha1sum t; base64 t | head -2; od -x t | head -2; xxd t | head -1; hexdump -C t | head -1; head -20 t > p_aa; diff t p_aa | head -3; cmp t p_aa; expand t | head -1
