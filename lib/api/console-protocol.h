/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The protocol on the descriptor that OpenConsole returns: a SOCK_SEQPACKET socket on which each
 * packet is a type and its content. A client that reads too slowly loses output and is told how
 * much; umld never waits for it. */

#include "basic/macro.h"

enum {
        CONSOLE_PACKET_MAX = 4096, /* including the type */
};

typedef enum ConsolePacketType {
        /* from umld */
        CONSOLE_OUTPUT = 'o', /* raw output of the guest */
        CONSOLE_NOTICE = 'n', /* a message of umld: one line of printable ASCII */
        CONSOLE_END = 'e',    /* the same, and the last packet */

        /* to umld; ignored from read-only clients */
        CONSOLE_INPUT = 'i', /* bytes for the guest */
        CONSOLE_SIZE = 's',  /* the terminal's size has changed: ConsoleSize */
} ConsolePacketType;

typedef struct ConsoleSize {
        uint16_t rows, columns; /* in host byte order */
} ConsoleSize;
