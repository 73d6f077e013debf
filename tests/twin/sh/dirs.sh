# SPDX-License-Identifier: MIT OR Apache-2.0
# Directories: make, remove, list, rename, deep paths.
mkdir -p a/b/c/d; rmdir a/b/c/d; ls -R a; rmdir a; echo $?; mkdir a; echo $?
for i in $(seq 1 200); do : > a/file$i; done; ls a | wc -l; ls a | head -3; rm a/file1*; ls a | wc -l
mv a z; ls -d z; mkdir q; mv z q/; ls q; mv q q/z/in; echo $?
mkdir -m 700 priv; stat -c %a priv; cd q/z/..; pwd | sed 's,.*/work,work,'; cd ../..; cd -  >/dev/null; cd /; ls / | sort | tr '\n' ' ' | grep -c bin
