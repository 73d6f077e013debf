# SPDX-License-Identifier: MIT OR Apache-2.0
# Resource limits.
ulimit -n; (ulimit -n 10; ulimit -n; exec 3</dev/null 4<&3 5<&3 6<&3 7<&3 8<&3 9<&3; echo ok; cat /dev/null /dev/null && echo cat ok); (ulimit -f 1; head -c 2000 /dev/zero > big; echo $?; wc -c < big); (ulimit -s 1024; ulimit -s); ulimit -c; (ulimit -Hn 20; ulimit -Hn; ulimit -Sn 30 2>/dev/null; echo $?)
