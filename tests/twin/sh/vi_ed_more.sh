# SPDX-License-Identifier: MIT OR Apache-2.0
# Editors without a terminal.
printf 'one\ntwo\nthree\n' > f; printf '2d\n$a\nfour\n.\nw\nq\n' | ed f; cat f; printf 'p\n1,$s/o/0/g\nw g\nq\n' | ed -s f 2>/dev/null || true; ls; patch -p0 <<'P'
--- f
+++ f
@@ -1,3 +1,3 @@
 one
-three
+THREE
 four
P
cat f
