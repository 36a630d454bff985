/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Takes the bytes of console logs apart into lines (api/log-format.h), however they come in. */

#include "api/log-format.h"

typedef struct LogRecord {
        usec_t when; /* of the line before, where it has no head; 0: nobody knows */
        LogKind kind;
        const char *text; /* at most LOG_TEXT_MAX bytes of anything but newlines; no NUL */
        size_t size;
        bool whole; /* else its end has not been written yet */
} LogRecord;

typedef struct LogReader {
        /* Gets each line; one that was not whole comes again, with more text or whole. */
        void (*record)(const LogRecord *r, void *userdata);
        void *userdata;

        usec_t when;
        LogKind kind;
        bool has_head;
        size_t size;
        char line[LOG_HEAD_SIZE + LOG_TEXT_MAX]; /* the current one: its head, then its text */
} LogReader;

void log_reader_put(LogReader *r, const char *data, size_t size);

/* Hands on what there is of an unfinished line. */
void log_reader_peek(LogReader *r);

/* The file is over: what there is of its last line is all. */
void log_reader_finish(LogReader *r);
