/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The form of a guest's console log, for umld, which writes it, and umlctl, which shows it. Each
 * line is
 *
 *      2026-11-21T23:02:09.123ZKTEXT
 *
 * with the time (UTC) at which its first byte came, a kind K of one character, and the guest's own
 * bytes as they came, whatever they are, up to its newline. As every line has a head of umld's,
 * nothing that a guest prints can be taken for one. */

#include "basic/time-util.h"

typedef enum LogKind {
        LOG_LINE = ' ',  /* of the guest */
        LOG_MORE = '+',  /* goes on where the line before was cut, as it was too long or the file
                            full */
        LOG_MARK = '=',  /* of umld: a word, and text of printable ASCII */
        LOG_PLAIN = '?', /* never written: a line without a head, of who knows whom */
} LogKind;

/* The first words of marks */
#define LOG_MARK_BOOT "boot" /* a boot of the guest begins; the kernel's version */
#define LOG_MARK_END  "end"  /* it is over; why */
#define LOG_MARK_LOST "lost" /* how many bytes were not written here */

enum {
        LOG_HEAD_SIZE = 25,  /* time and kind */
        LOG_TEXT_MAX = 4096, /* of a line, with its newline */
        LOG_FILES_MAX = 100, /* console.log, console.log.1 … */
};

/* Lays out the head of a line; no NUL. */
void log_head_format(usec_t when, LogKind kind, char buf[static LOG_HEAD_SIZE]);

/* Reads one. False: these bytes are none. */
bool log_head_parse(const char *s, size_t size, usec_t *ret_when, LogKind *ret_kind);
