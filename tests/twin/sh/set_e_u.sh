# SPDX-License-Identifier: MIT OR Apache-2.0
# Shell options and errors.
sh -ec 'false; echo no'; echo $?; sh -uc 'echo $undefined; echo no'; echo $?; sh -xc 'echo traced' 2>&1; sh -nc 'echo syntax only'; sh -c 'if'; echo $?; sh -c 'nosuchcommand'; echo $?; sh -c '. ./nofile; echo no'; echo $?; eval 'echo ev'; v='a b'; eval "set -- $v"; echo $#; IFS=:; set -- $(echo a:b:c); echo $2; type cd | head -1; command -v echo; readonly R=1; (R=2) ; echo $?; getopts ab: o -b x; echo $o $OPTARG; printf '%d %s %c %05.1f %x\n' 5 str char 2.5 255; test 3 -gt 2 -a 1 = 1 && echo t; [ -z "" ] && echo z
