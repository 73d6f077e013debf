/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pid 1: starts the program the host tool names, or a login shell, on the first serial port; reaps orphans; ends with the
 * status of its main child, which ends the machine.  busybox's halt, poweroff and reboot reach it as signals.
 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL 128

static const int power_signals[] = {SIGUSR1, SIGUSR2, SIGTERM,
				    SIGINT}; /* halt, poweroff, reboot, Ctrl-Alt-Del */
#define POWER_SIGNALS (sizeof(power_signals) / sizeof(power_signals[0]))

static volatile sig_atomic_t power_signal;

static void on_power_signal(int number)
{
	power_signal = number;
}

static void set_environment(const struct options *options)
{
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("TERM", options->term, 1);
}

static _Noreturn void become_program(const struct options *options)
{
	static char *shell[] = {"-sh", NULL};

	for (size_t i = 0; i < POWER_SIGNALS; i++)
		signal(power_signals[i], SIG_DFL);
	setsid();
	terminal_take();
	set_environment(options);
	if (options->argv) {
		execvp(options->argv[0], options->argv);
	} else {
		if (chdir("/root"))
			perror("/root");
		execv("/bin/sh", shell);
	}
	fprintf(stderr, "%s: %s\n", options->argv ? options->argv[0] : "/bin/sh", strerror(errno));
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* Ends the machine as asked. Returns only if the reboot call is refused. */
static void end_machine(int number)
{
	terminal_drain();
	reboot(number == SIGUSR1 ? (int)RB_HALT_SYSTEM : number == SIGUSR2 ? RB_POWER_OFF : RB_AUTOBOOT);
}

/* Reaps children until the main one has ended; its status as a shell would say it. */
static int supervise(pid_t main_child)
{
	for (;;) {
		int status;
		pid_t ended = waitpid(-1, &status, 0);
		if (power_signal) {
			end_machine(power_signal);
			return 0;
		}
		if (ended == main_child)
			return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
		if (ended < 0 && errno != EINTR)
			return STATUS_NOT_EXECUTABLE;
	}
}

int main(void)
{
	struct options options;
	struct sigaction action = {.sa_handler = on_power_signal}; /* without SA_RESTART: waitpid is to end */

	options_read(&options);
	if (!terminal_open(&options))
		return STATUS_NOT_EXECUTABLE;
	for (size_t i = 0; i < POWER_SIGNALS; i++)
		sigaction(power_signals[i], &action, NULL);
	pid_t child = fork();
	if (child < 0) {
		perror("tessera-init: fork");
		return STATUS_NOT_EXECUTABLE;
	}
	if (child == 0)
		become_program(&options);
	int status = supervise(child);
	terminal_drain();
	return status;
}
