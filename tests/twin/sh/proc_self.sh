# SPDX-License-Identifier: MIT OR Apache-2.0
# What /proc says of oneself.
readlink /proc/self/exe; cat /proc/self/comm; tr '\0' ' ' < /proc/self/cmdline; echo; readlink /proc/self/cwd | sed 's,.*/,,'; grep -E '^(Name|State|Uid|Gid|Threads|Umask):' /proc/self/status | sed 's/State.*/State/'; ls /proc/self/fd | head -3; readlink /proc/self/root
echo hi > f; exec 5< f; readlink /proc/$$/fd/5 | sed 's,.*/work/,,'; cat /proc/self/fd/5 5< f; test -d /proc/$$ && echo dir; test -d /proc/999999 || echo nodir; wc -l < /proc/self/maps > /dev/null && echo maps; grep -c stack /proc/self/maps; cut -d' ' -f2 /proc/self/stat
X=1 Y=2 sh -c 'cat /proc/$$/environ | tr "\\0" "\\n" | grep -E "^[XY]="'
