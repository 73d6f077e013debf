/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Between the two halves of the line discipline: echo. What finds no room on the wire is not echoed. */
#pragma once

#include "ldisc.h"

/* The byte as it is, with output processing. */
void echo_raw(struct ldisc *ldisc, uint8_t byte);
/* The byte, control characters as ^X if ECHOCTL. */
void echo_character(struct ldisc *ldisc, uint8_t byte);
/* "^" over which the next character is written. */
void echo_lnext(struct ldisc *ldisc);
/* Wipes the character that has just been taken off the line (head stands where it was). */
void echo_erase(struct ldisc *ldisc, uint8_t byte);
