/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* twin-libs: -lm */
/* A timer signal every 300 microseconds over threads, pipes and floating point: nothing may be lost or changed. */
#include "twin.h"

#define ROUNDS 800
#define CHUNK 3000

static volatile double junk = 1.5;
static volatile long hits;

static void on(int s)
{
	char b[8];
	int p[2];
	(void)s;
	hits++;
	for (int i = 0; i < 20; i++)
		junk = junk > 1e6 ? 1.5 : junk * 1.01 + 0.3;
	if (hits % 37 == 0 && pipe(p) == 0) {
		if (write(p[1], "abc", 3) != 3 || read(p[0], b, 3) != 3 || memcmp(b, "abc", 3))
			write(1, "bad handler\n", 12);
		close(p[0]);
		close(p[1]);
	}
}

static unsigned long mix(unsigned long x)
{
	double f = 1.0;
	for (int i = 0; i < 2000; i++) {
		x = x * 6364136223846793005ul + 1442695040888963407ul;
		f = f * 1.0000001 + (double)(x >> 60);
	}
	return x ^ (unsigned long)(f * 1000);
}

static void *worker(void *a)
{
	unsigned long want = mix((unsigned long)a);
	for (int i = 0; i < 1000; i++)
		if (mix((unsigned long)a) != want)
			write(1, "bad thread\n", 11);
	return NULL;
}

static void receive(int fd)
{
	unsigned char b[5000];
	long at = 0, n;
	while ((n = read(fd, b, sizeof(b))) > 0) {
		for (long i = 0; i < n; i++)
			if (b[i] != (unsigned char)((at + i) * 7))
				_exit(9);
		at += n;
	}
	printf("received %ld\n", at);
	fflush(stdout);
	_exit(0);
}

static void send_all(int fd)
{
	unsigned char b[CHUNK];
	unsigned long want = mix(99);
	for (long round = 0; round < ROUNDS; round++) {
		for (long i = 0; i < CHUNK; i++)
			b[i] = (unsigned char)((round * CHUNK + i) * 7);
		for (long done = 0, n; done < CHUNK; done += n)
			if ((n = write(fd, b + done, (size_t)(CHUNK - done))) < 0)
				exit(1);
		if (round % 10 == 0 && mix(99) != want)
			puts("bad main");
	}
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on, .sa_flags = SA_RESTART};
	struct itimerval it = {{0, 300}, {0, 300}};
	pthread_t t[3];
	int p[2];
	sigaction(SIGALRM, &sa, NULL);
	T(pipe(p));
	setitimer(ITIMER_REAL, &it, NULL);
	for (unsigned long i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, worker, (void *)(i + 5));
	pid_t child = fork();
	if (child == 0) {
		setitimer(ITIMER_REAL, &it, NULL);
		close(p[1]);
		receive(p[0]);
	}
	close(p[0]);
	send_all(p[1]);
	close(p[1]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("%d\n", wait_status(child));
	return 0;
}
