# SPDX-License-Identifier: MIT OR Apache-2.0
# Redirection of every kind, and the files it leaves.
echo one > a; echo two >> a; cat < a
cat a - < /dev/null > b 2>&1
exec 3> c; echo three >&3; exec 3>&-
exec 4< a; read l <&4; echo got $l; read l <&4; echo got $l; exec 4<&-
echo x 1<> d; ls /nonexistent 2> e; echo $?
{ echo g1; echo g2; } > g; : > empty; set -C; echo y > a; echo $?
cat nofile; echo $?
