/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The format of a guest's console log, for umld, which writes it, and umlctl, which shows it. Each
 * line is
 *
 *      2026-11-21T23:02:09.123ZKTEXT
 *
 * with the time (UTC) at which its first byte arrived, one character K for its kind, and the
 * guest's raw bytes up to its newline. Because umld prepends a head to every line, nothing that a
 * guest prints can be mistaken for one. */

#include "basic/time-util.h"

typedef enum LogKind {
        LOG_LINE = ' ', /* a line of the guest */
        LOG_MORE = '+', /* continues the previous line, which was cut because it was too long or the
                           file full */
        LOG_MARK = '=', /* a mark of umld: a keyword, and text of printable ASCII */
        LOG_PLAIN = '?', /* never written: a line without a head, of unknown origin */
} LogKind;

/* The keywords of marks */
#define LOG_MARK_BOOT "boot" /* a boot of the guest begins; the kernel's version */
#define LOG_MARK_END  "end"  /* it has ended; why */
#define LOG_MARK_LOST "lost" /* how many bytes were dropped */

enum {
        LOG_HEAD_SIZE = 25,  /* time and kind */
        LOG_TEXT_MAX = 4096, /* of a line, including its newline */
        LOG_FILES_MAX = 100, /* console.log, console.log.1 … */
};

/* Writes the head of a line, without a terminating NUL. */
void log_head_format(usec_t when, LogKind kind, char buf[static LOG_HEAD_SIZE]);

/* Parses a head. False: these bytes are not one. */
bool log_head_parse(const char *s, size_t size, usec_t *ret_when, LogKind *ret_kind);
