/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What goes over the descriptor that OpenConsole returns: a SOCK_SEQPACKET socket on which each
 * packet is a type and its content. Whoever does not read fast enough misses something, and is told
 * how much; nobody waits for it. */

#include "basic/macro.h"

enum {
        CONSOLE_PACKET_MAX = 4096, /* with its type */
};

typedef enum ConsolePacketType {
        /* from umld */
        CONSOLE_OUTPUT = 'o', /* bytes of the guest, as they are */
        CONSOLE_NOTICE = 'n', /* one line of umld's: printable ASCII */
        CONSOLE_END = 'e',    /* the same, and the last packet */

        /* to umld; ignored from who may only look */
        CONSOLE_INPUT = 'i', /* bytes for the guest */
        CONSOLE_SIZE = 's',  /* the terminal's size has changed: ConsoleSize */
} ConsolePacketType;

typedef struct ConsoleSize {
        uint16_t rows, columns; /* in the byte order of the machine */
} ConsoleSize;
