# SPDX-License-Identifier: MIT OR Apache-2.0
# Identities.
id -u; id -g; whoami; id -un root; setpriv --reuid 5 --clear-groups id -u; setpriv --reuid 5 --regid 6 --clear-groups sh -c 'id -u; id -g; setpriv --reuid 0 true; echo $?; kill -0 1; echo $?'; groups | head -1; logname 2>/dev/null || true; hostname > /dev/null && echo hostname; uname -s; uname -m; nproc > /dev/null && echo nproc; tty; echo $?; test -t 0 || echo notty; stty 2>/dev/null || echo no stty
