# SPDX-License-Identifier: MIT OR Apache-2.0
# Timestamps.
touch -d '2020-01-02 03:04:05' f; stat -c '%Y' f; date -r f -u '+%F %T'; touch g; test g -nt f && echo newer; test f -ot g && echo older; touch -r f h; stat -c %Y h; cp -p f i; stat -c %Y i; mkdir d; touch -d '2001-02-03 04:05:06' d; stat -c %Y d; : > d/new; test $(stat -c %Y d) -gt 1000000000 && echo dir changed; date -u -d @86400 '+%F'; cat f; stat -c %Y f; touch -c nothere; ls
