/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libFuzzer's side: runs inputs, and mutates them record by record, so that a change of one event leaves the others alone.
 *
 * At the end it prints how many operations were compared.  TESSERA_TRACE=1 prints each of them.
 */
#include "decode.h"
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

static void report(void)
{
	fprintf(stderr, "operations compared: %llu\n", (unsigned long long)drive_count);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	drive_is_verbose = getenv("TESSERA_TRACE") != NULL;
	drive_boot();
	drive_count = 0;
	atexit(report);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (boot_is_input(data, size))
		boot_run(data, size);
	else if (replay_is_text(data, size))
		replay_run(data, size);
	else
		decode_run(data, size);
	return 0;
}

static uint32_t random_state;

static uint32_t pick(size_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)((random_state >> 8) % below);
}

static void fill(uint8_t *record)
{
	for (uint32_t i = 0; i < DECODE_RECORD; i++)
		record[i] = (uint8_t)pick(256);
}

/* Makes room for a record and puts a new one, or one that is there already, into it. */
static size_t insert(uint8_t *data, size_t records)
{
	size_t at = pick(records + 1u) * DECODE_RECORD,
	       from = records > 0 ? pick(records) * DECODE_RECORD : 0;
	uint8_t copy[DECODE_RECORD];

	memcpy(copy, &data[from], DECODE_RECORD);
	memmove(&data[at + DECODE_RECORD], &data[at], records * DECODE_RECORD - at);
	if (records == 0 || pick(3) != 0)
		fill(&data[at]);
	else
		memcpy(&data[at], copy, DECODE_RECORD);
	return records + 1u;
}

static size_t mutate(uint8_t *data, size_t records, size_t records_max)
{
	size_t at = records > 0 ? pick(records) * DECODE_RECORD : 0;

	switch (records > 0 ? pick(8) : 0) {
	case 0:
	case 1:
	case 2: return records < records_max ? insert(data, records) : records;
	case 3:
		memmove(&data[at], &data[at + DECODE_RECORD], (records - 1u) * DECODE_RECORD - at);
		return records - 1u;
	case 4: fill(&data[at]); return records;
	case 5: (void)LLVMFuzzerMutate(&data[at], DECODE_RECORD, DECODE_RECORD); return records;
	default: data[at + pick(DECODE_RECORD)] = (uint8_t)pick(256); return records;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	size_t records = size / DECODE_RECORD, records_max = size_max / DECODE_RECORD;

	random_state = seed;
	if (boot_is_input(data, size)) /* one byte after the mark, or more */
		return strlen(BOOT_MARK) + LLVMFuzzerMutate(data + strlen(BOOT_MARK),
							    size - strlen(BOOT_MARK),
							    size_max - strlen(BOOT_MARK));
	if (records_max == 0)
		return size;
	for (uint32_t i = 1u + pick(4); i > 0; i--)
		records = mutate(data, records, records_max);
	return records * DECODE_RECORD;
}
