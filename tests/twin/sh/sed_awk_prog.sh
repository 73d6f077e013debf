# SPDX-License-Identifier: MIT OR Apache-2.0
# Longer programs in awk, sed, bc, dc.
awk 'BEGIN{for(i=1;i<=15;i++){f=(i%3?"":"Fizz")(i%5?"":"Buzz");print f?f:i}}'; awk 'BEGIN{n=200;for(i=2;i<=n;i++){p=1;for(j=2;j*j<=i;j++)if(i%j==0){p=0;break}if(p)s=s" "i}print s}'; echo '2^100; scale=5; 10/7' | bc; echo '2 3 + p' | dc; printf 'a b\nc d\n' | sed 'N;s/\n/+/;y/abcd/ABCD/'; awk 'BEGIN{while(("echo x;echo y"|getline l)>0)print "r",l; print "out" | "cat"; close("cat"); system("echo sys"); printf "%5.2f|%-5s|%05d|%x\n",3.14159,"ab",42,255}'; expr 3 + 4; expr abc : 'a\(.\)c'; factor 360 97
