/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A user's own static program. */
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("hello from a static program:");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	puts("");
	return 0;
}
