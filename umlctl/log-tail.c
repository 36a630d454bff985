/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log-tail.c - the last lines of a console log. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/console-text.h"
#include "basic/string-util.h"
#include "umlctl/log-reader.h"
#include "umlctl/log-tail.h"

enum {
        LOOK_BACK = 64 * 1024, /* bytes before the end; more than a screen has */
};

typedef struct Tail {
        Strv lines; /* of the latest boot */
        bool utf8;
} Tail;

static void add_line(Tail *t, const LogRecord *r) {
        ConsoleText filter = { .utf8 = t->utf8 };
        char text[CONSOLE_TEXT_ROOM(LOG_TEXT_MAX) + 1];
        size_t n = console_text_put(&filter, r->text, r->size, text);

        n += console_text_end(&filter, text + n);
        text[n] = '\0';
        (void) strv_push(&t->lines, text);
}

static void on_record(const LogRecord *r, void *userdata) {
        Tail *t = userdata;

        if (r->kind == LOG_MARK && r->size > 5 && memcmp(r->text, LOG_MARK_BOOT " ", 5) == 0)
                strv_done(&t->lines);
        else if (r->kind == LOG_LINE || r->kind == LOG_MORE)
                add_line(t, r);
}

/* Where reading begins somewhere in the file, that may be in the middle of a line, which has no
 * head then and is passed over. */
static int read_tail(const char *path, Tail *t) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        _cleanup_free_ LogReader *reader = calloc(1, sizeof(*reader));
        char buf[4096];
        ssize_t n;

        if (fd < 0 || !reader)
                return fd < 0 ? -errno : -ENOMEM;
        reader->record = on_record;
        reader->userdata = t;
        if (lseek(fd, -LOOK_BACK, SEEK_END) < 0) /* it is shorter */
                (void) lseek(fd, 0, SEEK_SET);
        while ((n = read(fd, buf, sizeof(buf))) > 0)
                log_reader_put(reader, buf, (size_t) n);
        log_reader_finish(reader);
        return n < 0 ? -errno : 0;
}

void log_tail_print(FILE *f, const char *path, size_t max, const char *prefix, bool utf8) {
        Tail t = { .utf8 = utf8 };

        if (read_tail(path, &t) >= 0)
                for (size_t i = t.lines.n > max ? t.lines.n - max : 0; i < t.lines.n; i++)
                        fprintf(f, "%s%s\n", prefix, t.lines.v[i]);
        strv_done(&t.lines);
}
