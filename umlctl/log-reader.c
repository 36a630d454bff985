/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log-reader.c - splits bytes into lines. */

#include "umlctl/log-reader.h"

/* Parses the head of the line as soon as it is complete, or can no longer be one. */
static void find_head(LogReader *r, bool last) {
        if (r->has_head || (r->size < LOG_HEAD_SIZE && !last))
                return;
        if (log_head_parse(r->line, r->size, &r->when, &r->kind)) {
                r->size -= LOG_HEAD_SIZE;
                memmove(r->line, r->line + LOG_HEAD_SIZE, r->size);
        } else
                r->kind = LOG_PLAIN;
        r->has_head = true;
}

static void hand_on(LogReader *r, bool whole) {
        const LogRecord record = {
                .when = r->when,
                .kind = r->kind,
                .text = r->line,
                .size = r->size,
                .whole = whole,
        };

        /* An empty line without a head is where umld repaired a torn line. */
        if (r->kind != LOG_PLAIN || r->size > 0)
                r->record(&record, r->userdata);
}

static void end_line(LogReader *r, LogKind next, bool has_head) {
        find_head(r, true);
        hand_on(r, true);
        r->size = 0;
        r->kind = next;
        r->has_head = has_head;
}

void log_reader_put(LogReader *r, const char *data, size_t size) {
        while (size > 0) {
                size_t room =
                        (r->has_head ? (size_t) LOG_TEXT_MAX : (size_t) LOG_HEAD_SIZE) - r->size;
                size_t n = MIN(size, room);
                /* Searches one byte more than fits: the newline of a line of maximum length is
                 * there. */
                const char *newline = memchr(data, '\n', MIN(size, room + 1));

                if (newline)
                        n = (size_t) (newline - data);
                memcpy(r->line + r->size, data, n);
                r->size += n;
                find_head(r, false);
                if (newline)
                        end_line(r, LOG_PLAIN, false);
                else if (r->has_head && r->size >= LOG_TEXT_MAX && size > n)
                        end_line(r, LOG_MORE, true); /* too long: not written by umld */
                n += newline ? 1 : 0;
                data += n;
                size -= n;
        }
}

void log_reader_peek(LogReader *r) {
        if (r->has_head && r->size > 0)
                hand_on(r, false);
}

void log_reader_finish(LogReader *r) {
        if (r->size > 0 || r->has_head)
                end_line(r, LOG_PLAIN, false);
}
