// SPDX-License-Identifier: MIT OR Apache-2.0
/* Only root may name the machine; the names uname tells are those of /proc/sys/kernel. */
#include "twin.h"

static void compare(const char *path, const char *name)
{
	char text[128] = "";
	FILE *f = fopen(path, "r");
	if (f && fgets(text, sizeof(text), f))
		text[strcspn(text, "\n")] = '\0';
	if (f)
		fclose(f);
	printf("%s: %d\n", path, strcmp(text, name) == 0);
}

int main(void)
{
	struct utsname names;
	uname(&names);
	compare("/proc/sys/kernel/hostname", names.nodename);
	compare("/proc/sys/kernel/domainname", names.domainname);
	T(setuid(1000));
	T(sethostname("x", 1));
	T(setdomainname("x", 1));
	T(sethostname("x", (size_t)-1));
	T(sethostname((char *)8, 4));
	T(uname((void *)8));
	return 0;
}
