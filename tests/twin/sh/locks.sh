# SPDX-License-Identifier: MIT OR Apache-2.0
# flock between processes.
( flock -n 9 && echo locked; sh -c 'flock -n 8 || echo busy' 8> l; flock -u 9; sh -c 'flock -n 8 && echo free' 8> l ) 9> l
( flock 9; echo first; sleep 0.2; echo first done ) 9> m & sleep 0.05; ( flock 9; echo second ) 9> m; wait; flock l echo through; flock -s l sh -c 'flock -s -n l echo shared'
