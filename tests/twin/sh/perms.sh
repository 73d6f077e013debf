# SPDX-License-Identifier: MIT OR Apache-2.0
# Permissions, owners, umask, special bits.
: > f; stat -c '%a %u %g' f; chmod 640 f; stat -c %a f; chmod u+s,g+s,o+t f; stat -c %a f; chown 12:34 f; stat -c '%a %u:%g' f
umask 077; : > g; mkdir h; stat -c %a g h; umask; umask 002; : > i; stat -c %a i
chmod 000 f; cat f > /dev/null && echo root reads; mkdir t; chmod 1777 t; stat -c %a t
echo secret > s; chmod 600 s; chmod 777 .
setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'cat s; echo $?; echo x > s; echo $?; id -u; : > mine; stat -c %u mine; rm s; chmod 644 g; echo $?'
