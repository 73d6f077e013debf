/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the two files through which ./tessera tells what to run. Their text is taken as it is: the owner of the machine wrote it. */
#include "init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file and its length, NUL behind it; NULL if it cannot be read. Never freed: init reads two files once. */
static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	*length = 0;
	if (!file)
		return NULL;
	for (;;) {
		if (*length + 1 >= room) {
			room = room ? room * 2 : 4096;
			char *bigger = realloc(text, room);
			if (!bigger)
				abort();
			text = bigger;
		}
		size_t got = fread(text + *length, 1, room - 1 - *length, file);
		if (got == 0)
			break;
		*length += got;
	}
	fclose(file);
	text[*length] = '\0';
	return text;
}

static void apply(struct options *options, const char *key, const char *value)
{
	if (!strcmp(key, "tty"))
		options->is_plain = !strcmp(value, "plain");
	else if (!strcmp(key, "sync"))
		options->is_awaited = atoi(value) != 0;
	else if (!strcmp(key, "stderr"))
		options->has_error_console = !strcmp(value, "ttyS1");
	else if (!strcmp(key, "rows"))
		options->rows = (unsigned short)atoi(value);
	else if (!strcmp(key, "cols"))
		options->columns = (unsigned short)atoi(value);
	else if (!strcmp(key, "term"))
		snprintf(options->term, sizeof(options->term), "%s", value);
}

static void read_options(struct options *options)
{
	size_t length;
	char *text = read_file(OPTIONS_PATH, &length), *rest;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, '=');
		if (!value)
			continue;
		*value = '\0';
		apply(options, line, value + 1);
	}
}

static void read_arguments(struct options *options)
{
	static char *argv[ARGUMENTS_MAX + 1];
	size_t length, count = 0;
	char *text = read_file(RUN_PATH, &length);

	for (size_t at = 0; text && at < length && count < ARGUMENTS_MAX; at += strlen(text + at) + 1)
		argv[count++] = text + at;
	options->argv = count ? argv : NULL;
}

void options_read(struct options *options)
{
	*options = (struct options){.term = "linux"};
	read_options(options);
	read_arguments(options);
}
