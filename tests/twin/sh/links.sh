# SPDX-License-Identifier: MIT OR Apache-2.0
# Hard and symbolic links.
echo data > f; ln f g; ln -s f s; ln -s nowhere dangling; ln -s /tmp abs
cat g s; ls -l f | cut -c1-10; stat -c %h f; readlink s dangling; rm f; cat g; cat s; echo $?
ln -s loop1 loop2; ln -s loop2 loop1; cat loop1; echo $?
mkdir d; ln -s d ds; echo in > ds/x; ls d; ln d dd; echo $?
ln -sf g s; cat s; readlink -f ds/x | sed 's,.*/work/,,'; test -L s && echo islink; test -e dangling || echo dangles
cp -a ds ds2; ls -d ds2; unlink ds2; mv s s3; readlink s3
