#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs twin cases one after the other, on Linux (in a chroot) and on Tessera alike, and prints for each, between markers:
# standard output, standard error, exit status, and the file tree that it left.
# Cases: /twin/cases lists names; /twin/sh/NAME.sh and /twin/bin/NAME are what is run. No argument.

PATH=/bin:/sbin:/usr/bin:/usr/sbin
export PATH HOME=/root TERM=linux LC_ALL=C TZ=UTC0
umask 022
ulimit -Sn 1024; ulimit -Hn 3072 # what a shell of Debian's has, and as many as Tessera has; the machine that runs the tests may have more

tree() { # every file below the working directory: type, mode, owner, links, size or target, content's checksum
	find . | sort | while IFS= read -r f; do
		if [ -L "$f" ]; then
			echo "$f link $(readlink "$f")"
		elif [ -f "$f" ]; then
			echo "$f $(stat -c '%f %u:%g %h %s' "$f") $(md5sum < "$f" | cut -c1-32)"
		else
			echo "$f $(stat -c '%f %u:%g' "$f")"
		fi
	done
}

while IFS= read -r name; do
	rm -rf /tmp/twin
	mkdir -p /tmp/twin/work
	cd /tmp/twin/work || exit 1
	if [ -f "/twin/sh/$name.sh" ]; then
		timeout -s KILL 60 sh "/twin/sh/$name.sh" >/tmp/twin/out 2>/tmp/twin/err </dev/null
	else
		timeout -s KILL 60 "/twin/bin/$name" >/tmp/twin/out 2>/tmp/twin/err </dev/null
	fi
	status=$?
	cd /tmp/twin/work
	echo "@@begin $name"
	echo "@@stdout"; cat /tmp/twin/out
	echo; echo "@@stderr"; cat /tmp/twin/err
	echo; echo "@@status $status"
	echo "@@tree"; tree 2>&1
	echo "@@end $name"
	cd /
done < /twin/cases
echo "@@done"
