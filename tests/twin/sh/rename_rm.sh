# SPDX-License-Identifier: MIT OR Apache-2.0
# rename over things, remove, errors.
echo 1 > a; echo 2 > b; mv a b; cat b; mkdir d e; mv d e; ls e; mv b e/d; mkdir f; : > f/x; mv -T f e; echo $?
rm e; echo $?; rm -r e; ls; rm nothere; echo $?; rm -f nothere; echo $?; rmdir f; echo $?; touch k; rmdir k; echo $?; cat k/x; echo $?
