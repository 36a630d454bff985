/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Splits the bytes of console logs into lines (api/log-format.h), in whatever pieces they arrive.
 */

#include "api/log-format.h"

typedef struct LogRecord {
        usec_t when; /* that of the preceding line if it has no head; 0: unknown */
        LogKind kind;
        const char
                *text; /* at most LOG_TEXT_MAX bytes, anything but newlines; no terminating NUL */
        size_t size;
        bool whole; /* false: the end of the line has not been written yet */
} LogRecord;

typedef struct LogReader {
        /* Called for each line; a line that was not whole is passed again, longer or whole. */
        void (*record)(const LogRecord *r, void *userdata);
        void *userdata;

        usec_t when;
        LogKind kind;
        bool has_head;
        size_t size;
        char line[LOG_HEAD_SIZE + LOG_TEXT_MAX]; /* the current line: its head, then its text */
} LogReader;

void log_reader_put(LogReader *r, const char *data, size_t size);

/* Passes on what there is of an unfinished line. */
void log_reader_peek(LogReader *r);

/* Ends the file: what there is of its last line is all of it. */
void log_reader_finish(LogReader *r);
