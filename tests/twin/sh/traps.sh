# SPDX-License-Identifier: MIT OR Apache-2.0
# Signal handlers of the shell.
trap 'echo usr1' USR1; kill -USR1 $$; echo after
trap '' USR2; kill -USR2 $$; echo ignored
trap 'echo bye' EXIT
sh -c 'trap "echo child term; exit 9" TERM; kill -TERM $$; sleep 1; echo not reached'; echo $?
sh -c 'trap "echo int" INT; kill -INT $$; echo went on'
(trap 'echo sub' EXIT; true)
trap - USR1; sh -c 'trap "" TERM; sh -c "kill -TERM \$\$; echo inherited"'
