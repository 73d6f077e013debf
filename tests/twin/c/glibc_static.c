/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* twin-libc: glibc */
/* a program of the other C library: its start, threads and their storage, malloc arenas, stdio, popen, system, locale, abort */
#include "twin.h"

#include <locale.h>

#define THREADS 16
#define TURNS 1000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static int turns, arrived;
static __thread long mine;

static void *run(void *argument)
{
	mine = (long)argument;
	pthread_mutex_lock(&mutex);
	arrived++;
	while (arrived < THREADS)
		pthread_cond_wait(&all_here, &mutex);
	pthread_cond_broadcast(&all_here);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&mutex);
		turns++;
		pthread_mutex_unlock(&mutex);
		char *p = malloc((size_t)(i * 16 + 1));
		memset(p, 1, (size_t)(i * 16 + 1));
		free(p);
	}
	return (void *)mine;
}

static void threads(void)
{
	pthread_t thread[THREADS];
	long sum = 0;
	for (long i = 0; i < THREADS; i++)
		T(pthread_create(&thread[i], NULL, run, (void *)i));
	for (int i = 0; i < THREADS; i++) {
		void *result;
		T(pthread_join(thread[i], &result));
		sum += (long)result;
	}
	printf("%d turns, sum %ld\n", turns, sum);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
	char line[64] = "";
	int numbers[] = {3, 1, 2};
	time_t zero = 0;
	printf("%d %s\n", argc, strrchr(argv[0], '/'));
	threads();
	FILE *pipe = popen("echo from a pipe", "r");
	T(fgets(line, sizeof(line), pipe) == line);
	fputs(line, stdout);
	T(pclose(pipe));
	T(system("exit 3"));
	printf("%s%s\n", asctime(gmtime(&zero)), setlocale(LC_ALL, ""));
	qsort(numbers, 3, sizeof(numbers[0]), by_number);
	printf("%d%d%d %.3f\n", numbers[0], numbers[1], numbers[2], strtod("2.5e1", NULL));
	FILE *file = tmpfile();
	T(fprintf(file, "%s\n", "kept") == 5 && fseek(file, 0, SEEK_SET) == 0 &&
	  fgets(line, sizeof(line), file) == line);
	T(sysconf(_SC_PAGESIZE));
	T(access("/etc/passwd", R_OK));
	T(open("/nowhere", O_RDONLY));
	pid_t child = fork();
	if (child == 0)
		abort();
	printf("signal %d\n", WTERMSIG(wait_status(child)));
	return 7;
}
