# SPDX-License-Identifier: MIT OR Apache-2.0
# Named pipes.
mkfifo f; (echo through fifo; echo twice) > f & cat f; wait
cat f > out & sleep 0.1; echo late > f; wait; cat out
mkfifo a b; (while read x; do echo "got $x"; done < a > b) & (seq 1 5 > a) & cat b; wait; rm f a b; echo done
