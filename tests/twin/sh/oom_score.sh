# SPDX-License-Identifier: MIT OR Apache-2.0
# oom_score_adj: what can be written, what is inherited, who may lower it.
cat /proc/self/oom_score_adj
echo 300 >/proc/$$/oom_score_adj
cat /proc/$$/oom_score_adj
sh -c 'cat /proc/$$/oom_score_adj'
echo 1001 >/proc/$$/oom_score_adj
echo -1001 >/proc/$$/oom_score_adj
echo many >/proc/$$/oom_score_adj
cat /proc/$$/oom_score_adj
echo "user:x:1000:1000::/:/bin/sh" >>/etc/passwd
su user -c 'echo 500 >/proc/self/oom_score_adj; echo $?; cat /proc/$$/oom_score_adj; echo 0 >/proc/1/oom_score_adj; echo $?'
echo 0 >/proc/$$/oom_score_adj
cat /proc/$$/oom_score_adj
