# SPDX-License-Identifier: MIT OR Apache-2.0
# Some megabytes through files, pipes and copies.
dd if=/dev/zero bs=64k count=64 2>/dev/null | tr '\0' 'a' > big; wc -c big; md5sum big; cp big b2; cmp big b2 && echo same; cat big b2 | wc -c; sort -u big | wc -c; dd if=big of=x_a bs=1000000 count=2 2>/dev/null; dd if=big of=x_b bs=1000000 skip=2 2>/dev/null; cat x_a x_b | md5sum; tail -c 10 big | od -c; gzip big; wc -c < big.gz > /dev/null; gunzip -t big.gz && echo ok; rm -f big* b2 x_*
