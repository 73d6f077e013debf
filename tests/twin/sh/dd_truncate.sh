# SPDX-License-Identifier: MIT OR Apache-2.0
# dd, truncate, sparse files, seeking.
dd if=/dev/zero of=z bs=1k count=100 2>/dev/null; wc -c z; printf abc | dd of=z bs=1 seek=5000 conv=notrunc 2>/dev/null; od -A d -c z | head -4
dd if=z bs=1 skip=4999 count=5 2>/dev/null | od -c; truncate -s 10 z; wc -c z; truncate -s 5000 z; wc -c z; truncate -s +100 z; wc -c z; dd if=/dev/zero of=s bs=1 count=1 seek=1000000 2>/dev/null; wc -c s; md5sum s; fallocate -l 20000 fa; wc -c fa; dd if=/dev/zero of=/dev/full count=1 2>/dev/null; echo $?
