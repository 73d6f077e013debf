# SPDX-License-Identifier: MIT OR Apache-2.0
# leak.sh WARM-UP COMMAND: runs both, and prints the system's counts after each, several times, because what a process needs
# depends a little on where chance has placed its stack. This shell's own memory is the same each time: it only forks.
counts() {
	rm -rf /tmp/* /tmp/.[!.]* 2>/dev/null
	mkdir -m 1777 /tmp/box
	sleep 1
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		echo "counts $1"
		cat /proc/tessera/objects
	done
}
mkdir -m 1777 /tmp/box
sh -c "$1"
counts warm-up
sh -c "$1"
counts before
sh -c "$2"
counts after
