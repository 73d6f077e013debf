/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* floating point and vector state over switches and signals */
#include "twin.h"

static volatile double acc;
static void on(int s)
{
	(void)s;
	for (int i = 1; i < 100; i++)
		acc += 1.0 / i;
}
int main(void)
{
	struct itimerval it = {{0, 300}, {0, 300}};
	signal(SIGALRM, on);
	setitimer(ITIMER_REAL, &it, NULL);
	pid_t p[4];
	for (int k = 0; k < 4; k++) {
		p[k] = fork();
		if (p[k] == 0) {
			double x = k + 1, sum = 0;
			for (int i = 0; i < 400000; i++) {
				x = x * 1.0000001 + 0.5 / (i + 1);
				sum += x;
			}
			printf("%d %.9f\n", k, sum);
			fflush(stdout);
			_exit(0);
		}
		wait_status(p[k]);
	}
	double y = 1;
	for (int i = 0; i < 500000; i++)
		y += 1.0 / (i + 1.0);
	printf("%.9f\n", y);
	return 0;
}
