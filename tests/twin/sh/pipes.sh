# SPDX-License-Identifier: MIT OR Apache-2.0
# Pipelines of several stages, exit statuses, SIGPIPE.
seq 1 1000 | grep 7 | wc -l
seq 1 100000 | head -n 3; echo $?
yes | head -c 100000 | md5sum
printf 'b\na\nc\n' | sort | tr a-z A-Z | cat -n
false | true; echo $?
true | false; echo $?
(echo out; echo err >&2) 2>&1 | sort
echo x | cat - /dev/null | od -c
