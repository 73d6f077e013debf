# SPDX-License-Identifier: MIT OR Apache-2.0
"""One user takes all he can of one kind of object; another user and root go on working, and his death gives all back."""
import re

import pytest
from conftest import TOP, compile_static, tessera

KINDS = ["files", "pipes", "events", "timers", "names", "pages", "ptys", "signals", "zombies", "polls"]
WORK = ("echo text > /tmp/$1.file && cat /tmp/$1.file | cat && mkdir /tmp/$1.dir && rmdir /tmp/$1.dir && rm /tmp/$1.file && "
        "ls / | sort | head -n 1 && echo works as $1")

ROUND = """su user -s /bin/sh -c "/quotas/user_hog $1" > /tmp/said &
n=0
while ! grep -q hog /tmp/said && [ $n -lt 100 ]; do usleep 200000; n=$((n+1)); done
cat /tmp/said
su nobody -s /bin/sh -c "sh /quotas/work nobody"
sh /quotas/work root
kill -KILL $(pidof user_hog)
wait
sleep 1
rm -rf /tmp/*
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("quotas") / "quotas"
    path.mkdir()
    compile_static(TOP / "tests/system/programs/user_hog.c", path / "user_hog")
    (path / "work").write_text(WORK)
    (path / "round").write_text(ROUND)
    return path


def counts(text, name):
    """The readings of /proc/tessera/objects under a heading, each at its best."""
    best = {}
    for section in re.findall(rf"counts {name}\n(.*?)counts end", text, re.DOTALL):
        for key, value in (line.split() for line in section.splitlines() if line.count(" ") == 1):
            pick = max if "free" in key else min
            best[key] = pick(best.get(key, int(value)), int(value))
    for grows in ("vfs.anchors", "vfs.table_pages"):  # tables grow with the most that was ever in use, and stay
        best.pop(grows, None)
    return best


@pytest.mark.parametrize("kind", KINDS)
def test_hog_leaves_others_working(folder, kind):
    script = ("chmod 1777 /tmp; for round in first before after; do sh /quotas/round {0}; "  # a shell of its own: its heap goes with it
              "for k in 1 2 3; do echo counts $round; cat /proc/tessera/objects; echo counts end; done; done")
    result = tessera("--root", folder, "--", "sh", "-c", script.format(kind), timeout=300)
    said = re.findall(r"hog 1000: (.*) after (\d+)", result.stdout)
    assert len(said) == 3, result.stdout[-3000:]
    assert result.stdout.count("works as nobody\n") == 3, result.stdout[-3000:]
    assert result.stdout.count("works as root\n") == 3, result.stdout[-3000:]
    before, after = counts(result.stdout, "before"), counts(result.stdout, "after")
    assert abs(before.pop("mem.pages_free") - after.pop("mem.pages_free")) <= 4  # the reading shell's own heap and stack
    assert before == after
