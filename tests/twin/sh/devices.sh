# SPDX-License-Identifier: MIT OR Apache-2.0
# Device files.
cat /dev/null | wc -c; head -c 1000 /dev/zero | md5sum; head -c 16 /dev/urandom | wc -c; head -c 16 /dev/random | wc -c; echo x > /dev/null; echo $?; echo x > /dev/full; echo $?
test -c /dev/null && echo char; stat -c '%t %T' /dev/null /dev/zero /dev/urandom /dev/tty; echo to stdout > /dev/stdout; echo in | cat /dev/stdin; cat /dev/fd/0 < /dev/null; ls -l /dev/fd/ > /dev/null; echo $?; head -c 5 /dev/full | od -c; mknod n c 1 3; echo q > n; echo $?; mkfifo p; test -p p && echo fifo
