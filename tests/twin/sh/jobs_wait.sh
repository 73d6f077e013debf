# SPDX-License-Identifier: MIT OR Apache-2.0
# Background jobs, wait, exit statuses, signals as statuses. Whether the shell says `Terminated` depends on whether the child
# is gone before it waits, so its error output is closed there.
(sleep 0.2; exit 7) & p=$!; wait $p; echo $?
(exit 3) & wait $!; echo $?
sleep 10 & p=$!; kill $p; { wait $p; } 2>/dev/null; echo $?
sleep 10 & p=$!; kill -9 $p; { wait $p; } 2>/dev/null; echo $?
sh -c 'kill -SEGV $$'; echo $?
sh -c 'kill -TERM $$'; echo $?
for i in 1 2 3 4 5; do (exit $i) & done; wait; echo all
sh -c 'exit 255'; echo $?
