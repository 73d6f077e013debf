/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The terminal structures and constants as Linux' system calls carry them (x86_64 and all generic architectures), which
 * differ from libc's struct termios. Source: Linux uapi asm-generic/termbits.h, ioctls.h.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

#define TTY_CC_COUNT 19u

struct tty_termios { /* TCGETS */
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[TTY_CC_COUNT];
};
static_assert(sizeof(struct tty_termios) == 36, "struct termios of the system call");

struct tty_termios2 { /* TCGETS2 */
	struct tty_termios base;
	uint32_t ispeed, ospeed;
};
static_assert(sizeof(struct tty_termios2) == 44, "struct termios2 of the system call");

struct tty_termio { /* TCGETA, one byte less than the compiler makes it */
	uint16_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[8];
};
#define TTY_TERMIO_BYTES 17u

struct tty_winsize {
	uint16_t rows, columns, xpixel, ypixel;
};

enum {
	CC_INTR,
	CC_QUIT,
	CC_ERASE,
	CC_KILL,
	CC_EOF,
	CC_TIME,
	CC_MIN,
	CC_SWTC,
	CC_START,
	CC_STOP,
	CC_SUSP,
	CC_EOL,
	CC_REPRINT,
	CC_DISCARD,
	CC_WERASE,
	CC_LNEXT,
	CC_EOL2
};

#define IF_IGNBRK 0x001u
#define IF_BRKINT 0x002u
#define IF_PARMRK 0x008u
#define IF_ISTRIP 0x020u
#define IF_INLCR 0x040u
#define IF_IGNCR 0x080u
#define IF_ICRNL 0x100u
#define IF_IUCLC 0x200u
#define IF_IXON 0x400u
#define IF_IXANY 0x800u
#define IF_IXOFF 0x1000u
#define IF_IMAXBEL 0x2000u
#define IF_IUTF8 0x4000u

#define OF_OPOST 0x01u
#define OF_OLCUC 0x02u
#define OF_ONLCR 0x04u
#define OF_OCRNL 0x08u
#define OF_ONOCR 0x10u
#define OF_ONLRET 0x20u
#define OF_TABDLY 0x1800u
#define OF_XTABS 0x1800u

#define LF_ISIG 0x001u
#define LF_ICANON 0x002u
#define LF_XCASE 0x004u
#define LF_ECHO 0x008u
#define LF_ECHOE 0x010u
#define LF_ECHOK 0x020u
#define LF_ECHONL 0x040u
#define LF_NOFLSH 0x080u
#define LF_TOSTOP 0x100u
#define LF_ECHOCTL 0x200u
#define LF_ECHOPRT 0x400u
#define LF_ECHOKE 0x800u
#define LF_IEXTEN 0x8000u

#define CF_CBAUD 0x100fu
#define CF_DEFAULT 0x1cb2u /* B115200 CS8 CREAD CLOCAL HUPCL */
#define CF_PTY 0x00bfu	   /* B38400 CS8 CREAD */

#define TTY_SIGHUP 1u
#define TTY_SIGINT 2u
#define TTY_SIGQUIT 3u
#define TTY_SIGCONT 18u
#define TTY_SIGTSTP 20u
#define TTY_SIGTTIN 21u
#define TTY_SIGTTOU 22u
#define TTY_SIGWINCH 28u
