# SPDX-License-Identifier: MIT OR Apache-2.0
# Many processes, command substitution, nested shells.
x=$(echo $(echo $(echo deep))); echo $x; for i in $(seq 1 60); do y=$(echo $i); done; echo $y; (a=1; (a=2; echo $a); echo $a); sh -c 'sh -c "sh -c \"echo three\""'; i=0; while [ $i -lt 30 ]; do i=$((i+1)); true | cat; done; echo $i; echo "$(seq 1 2000)" | wc -lc; z=$(head -c 70000 /dev/zero | tr '\0' x); echo ${#z}
