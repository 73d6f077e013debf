# SPDX-License-Identifier: MIT OR Apache-2.0
# Process groups, stop and continue.
sleep 30 & p=$!; kill -STOP $p; sleep 0.1; grep State /proc/$p/status; kill -CONT $p; sleep 0.1; grep State /proc/$p/status; kill $p; { wait $p; } 2>/dev/null; echo $?
setsid sh -c 'sleep 30 & sleep 30 & kill -TERM 0; echo no'; echo $?
kill -0 $$ && echo alive; kill -0 999999 2>/dev/null || echo none; kill -l 9; kill -l | tr '\n' ' ' | cut -c1-20; sh -c 'sleep 5 & kill -9 $!; { wait $!; } 2>/dev/null; echo $?'; timeout 0.2 sleep 5; echo $?; timeout -s KILL 0.2 sleep 5; echo $?
