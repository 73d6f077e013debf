# SPDX-License-Identifier: MIT OR Apache-2.0
# Environment, exec, PATH search, scripts with interpreters.
export A=1; env | grep ^A=; env -i B=2 /bin/env; A=3 sh -c 'echo $A'; unset A; echo "[$A]"
printf '#!/bin/sh\necho script $0 $1\n' > s; chmod +x s; ./s arg | sed 's,.*/,,'; printf '#!/bin/sh -e\nfalse\necho no\n' > e; chmod +x e; ./e; echo $?; echo 'echo noshebang' > n; chmod +x n; ./n; ./missing; echo $?; : > notx; ./notx; echo $?; printf '#!/nonexistent\n' > bad; chmod +x bad; ./bad; echo $?; mkdir d; ./d; echo $?
exec 3>x; sh -c 'echo inherited >&3'; exec 3>&-; cat x; (exec echo replaced; echo no); printf '\177ELFgarbage' > g; chmod +x g; ./g; echo $?; nohup echo hup < /dev/null 2>/dev/null; time -p true 2>&1 | cut -d' ' -f1
