/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-log-reader.c - any bytes as a console log: bounded lines without newlines, the same however
 * the bytes came in, and none of them lost. */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "umlctl/log-reader.h"

typedef struct Sum {
        size_t lines, bytes;
        uint32_t hash;
} Sum;

static void add(const LogRecord *r, void *userdata) {
        Sum *s = userdata;

        assert(r->size <= LOG_TEXT_MAX);
        assert(!memchr(r->text, '\n', r->size));
        if (!r->whole)
                return;
        s->lines++;
        s->bytes += r->size;
        for (size_t i = 0; i < r->size; i++)
                s->hash = s->hash * 31 + (unsigned char) r->text[i];
        s->hash = s->hash * 31 + (uint32_t) r->kind + (uint32_t) r->when;
}

static Sum run(const uint8_t *data, size_t size, size_t step, bool peek) {
        Sum s = {};
        LogReader reader = { .record = add, .userdata = &s };

        for (size_t i = 0; i < size; i += step) {
                log_reader_put(&reader, (const char *) data + i, MIN(step, size - i));
                if (peek)
                        log_reader_peek(&reader);
        }
        log_reader_finish(&reader);
        return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Sum whole = run(data, size, size ?: 1, false), bytes = run(data, size, 1, true);
        size_t newlines = 0;

        for (size_t i = 0; i < size; i++)
                newlines += data[i] == '\n';
        assert(memcmp(&whole, &bytes, sizeof(whole)) == 0);
        assert(whole.bytes + whole.lines * LOG_HEAD_SIZE + newlines >= size);
        assert(whole.bytes <= size);
        return 0;
}
