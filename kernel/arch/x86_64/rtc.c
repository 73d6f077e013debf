/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the battery clock (MC146818), read once at boot, in UTC.
 *
 * It is read until two readings agree outside an update; BCD and 12-hour modes are honoured.  A date that
 * makes no sense counts as 1970.
 */
#include <stdbool.h>

#include <compiler.h>

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

struct rtc_time {
	uint8_t second, minute, hour, day, month, year;
};

static uint8_t cmos_read(uint8_t reg)
{
	out8(CMOS_INDEX, reg);
	return in8(CMOS_DATA);
}

static struct rtc_time read_stable(void)
{
	for (uint32_t i = 0; i < TRIES && (cmos_read(STATUS_A) & UPDATE_IN_PROGRESS); i++)
		cpu_relax();
	return (struct rtc_time){
		cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7), cmos_read(8), cmos_read(9),
	};
}

static bool is_same(const struct rtc_time *a, const struct rtc_time *b)
{
	return a->second == b->second && a->minute == b->minute && a->hour == b->hour && a->day == b->day &&
	       a->month == b->month && a->year == b->year;
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
	struct rtc_time time = read_stable();

	for (uint32_t i = 0; i < READINGS; i++) {
		struct rtc_time again = read_stable();

		if (is_same(&time, &again))
			break;
		time = again;
	}
	uint8_t mode = cmos_read(STATUS_B);
	uint32_t year = 2000u + decode(time.year, mode), month = decode(time.month, mode),
		 day = decode(time.day, mode);
	uint32_t hour = decode_hour(time.hour, mode);
	uint32_t minute = decode(time.minute, mode), second = decode(time.second, mode);

	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return 0;
	return ((days_from_date(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}
