# SPDX-License-Identifier: MIT OR Apache-2.0
# find with its tests and actions, xargs.
mkdir -p a/b; echo 1 > a/1.txt; echo 22 > a/b/2.txt; : > a/b/3.dat; chmod 600 a/b/3.dat
find . -name '*.txt' | sort; find . -type d | sort; find . -size -1 -type f | sort; find . -perm 600; find a -mindepth 2 | sort; find . -newer a/1.txt -name zz
find . -type f -exec echo f {} \; | sort; find . -type f | sort | xargs -n 1 wc -c; seq 10 | xargs -n 3 echo; find a -depth | tail -1; find . -empty | sort; find . -name '*.dat' -delete; ls a/b
