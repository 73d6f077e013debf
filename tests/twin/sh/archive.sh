# SPDX-License-Identifier: MIT OR Apache-2.0
# tar, cpio, gzip, bzip2, xz tools.
mkdir d; seq 1 2000 > d/n; echo x > d/x; ln -s x d/l; chmod 750 d/x
tar cf a.tar d; mkdir o; tar xf a.tar -C o; diff -r d o/d && echo same; tar tf a.tar | sort
gzip -c d/n > n.gz; gunzip -c n.gz | md5sum; zcat n.gz | wc -l; bzip2 -c d/n | bunzip2 -c | md5sum
tar czf a.tgz d; tar tzf a.tgz | wc -l; find d | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null | sort; rm -rf a.tar a.tgz n.gz
