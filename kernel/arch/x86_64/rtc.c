/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the battery clock (MC146818), read once at boot, in UTC.
 *
 * It is read until two readings agree outside an update; BCD and 12-hour modes are honoured.  A date that
 * makes no sense counts as 1970.
 */
#include <hal.h>

#include "asm.h"
#include "timer.h"

#define CMOS_INDEX 0x70u
#define CMOS_DATA 0x71u
#define STATUS_A 0x0au
#define STATUS_B 0x0bu
#define UPDATE_IN_PROGRESS 0x80u
#define MODE_BINARY 0x04u
#define MODE_24H 0x02u
#define HOUR_PM 0x80u
#define TRIES 100000u
#define READINGS 4u

static uint8_t cmos_read(uint8_t reg)
{
	out8(CMOS_INDEX, reg);
	return in8(CMOS_DATA);
}

/* Seconds, minutes, hours, day, month and year, the first in the lowest byte. */
static uint64_t read_outside_update(void)
{
	static const uint8_t registers[] = {9, 8, 7, 4, 2, 0};
	uint64_t time = 0;

	for (uint32_t i = 0; i < TRIES && (cmos_read(STATUS_A) & UPDATE_IN_PROGRESS); i++)
		arch_relax();
	for (uint32_t i = 0; i < ARRAY_COUNT(registers); i++)
		time = time << 8 | cmos_read(registers[i]);
	return time;
}

static uint8_t decode(uint8_t value, uint8_t mode)
{
	return mode & MODE_BINARY ? value : (uint8_t)((value >> 4) * 10 + (value & 15));
}

static uint32_t decode_hour(uint8_t value, uint8_t mode)
{
	uint32_t hour = decode(value & (uint8_t)~HOUR_PM, mode);

	if (mode & MODE_24H)
		return decode(value, mode);
	return hour % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar; year from 1970 on. */
static uint64_t days_from_date(uint32_t year, uint32_t month, uint32_t day)
{
	static const uint16_t before_month[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint32_t last = year - 1; /* the last complete year */
	uint64_t days = 365ull * (year - 1970) + (last / 4 - 492) - (last / 100 - 19) + (last / 400 - 4);
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days + before_month[month - 1] + (month > 2 && is_leap) + day - 1;
}

uint64_t rtc_read(void)
{
	uint64_t time = read_outside_update(), before = ~time;

	for (uint32_t i = 0; i < READINGS && time != before; i++) {
		before = time;
		time = read_outside_update();
	}
	uint8_t mode = cmos_read(STATUS_B);
	uint32_t second = decode((uint8_t)time, mode), minute = decode((uint8_t)(time >> 8), mode);
	uint32_t hour = decode_hour((uint8_t)(time >> 16), mode), day = decode((uint8_t)(time >> 24), mode);
	uint32_t month = decode((uint8_t)(time >> 32), mode);
	uint32_t year = 2000u + decode((uint8_t)(time >> 40), mode);

	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return 0;
	return ((days_from_date(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}
