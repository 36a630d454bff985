/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - writes the guest's output to rotated files. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "api/log-format.h"
#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/console/log.h"

enum {
        BUFFER_SIZE = 32 * 1024,
        LINE_SIZE = LOG_HEAD_SIZE + LOG_TEXT_MAX + 1, /* the longest line of a file */
};

struct ConsoleLog {
        char *path;
        int fd;
        gid_t group;
        uint64_t size, max; /* of the file, including what is buffered */
        unsigned files;
        uint64_t dropped;   /* bytes dropped since writing last succeeded */
        bool told_rotation; /* the failure has been reported */

        bool in_line;             /* a line has its head, but no end yet */
        bool torn;                /* the file's last line has no end, for whatever reason */
        size_t line_size;         /* size of its text so far */
        LogKind next;             /* kind of the next one */
        char head[LOG_HEAD_SIZE]; /* of the newest line */
        usec_t head_when;         /* milliseconds */

        size_t n_buf;
        char buf[BUFFER_SIZE]; /* empty between two calls */
};

/* Does the file end in the middle of a line? */
static bool ends_torn(int fd, off_t size) {
        char last;

        return size > 0 && (pread(fd, &last, 1, size - 1) != 1 || last != '\n');
}

static int open_file(ConsoleLog *log) {
        _cleanup_close_ int fd =
                open(log->path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size == 0 && fchmod(fd, 0640) < 0) /* it may be new, and umld have any umask */
                return -errno;
        if (log->group != (gid_t) -1 && st.st_gid != log->group &&
            fchown(fd, (uid_t) -1, log->group) < 0)
                log_debug_errno(errno, "%s: cannot be given to its group: %m", log->path);
        log->torn = ends_torn(fd, st.st_size);
        log->fd = TAKE_FD(fd);
        log->size = (uint64_t) st.st_size;
        return 0;
}

ConsoleLog *console_log_close(ConsoleLog *log) {
        if (log) {
                safe_close(log->fd);
                free(log->path);
                free(log);
        }
        return NULL;
}

int console_log_open(const char *path, uint64_t max, unsigned files, gid_t group,
                     ConsoleLog **ret) {
        _cleanup_(console_log_closep) ConsoleLog *log = calloc(1, sizeof(*log));
        int r;

        if (!log)
                return -ENOMEM;
        log->fd = -EBADF;
        log->group = group;
        log->max = max;
        log->files = files;
        log->next = LOG_LINE;
        log->path = strdup(path);
        if (!log->path)
                return -ENOMEM;
        r = open_file(log);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(log);
        return 0;
}

/* Renames path -> path.1 -> path.2 …; the oldest is overwritten. With one file only, that is
 * emptied. */
static int rotate(ConsoleLog *log) {
        for (unsigned i = log->files - 1; i >= 1; i--) {
                _cleanup_free_ char *from =
                        i == 1 ? strdup(log->path) : strfmt("%s.%u", log->path, i - 1);
                _cleanup_free_ char *to = strfmt("%s.%u", log->path, i);

                if (!from || !to)
                        return -ENOMEM;
                if (rename(from, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        if (log->files <= 1 && unlink(log->path) < 0 && errno != ENOENT)
                return -errno;
        log->fd = safe_close(log->fd);
        return open_file(log);
}

/* Whatever fails, the log does not exceed its limits. */
static void rotate_or_empty(ConsoleLog *log) {
        int r = rotate(log);

        if (r >= 0)
                return;
        if (!log->told_rotation)
                log_warning_errno(r, "%s: cannot rotate, emptying the log: %m", log->path);
        log->told_rotation = true;
        if (log->fd >= 0 && ftruncate(log->fd, 0) >= 0)
                log->size = 0;
}

/* ---- buffered output ---- */

static void report_loss(ConsoleLog *log, int error) {
        if (log->dropped == 0)
                log_warning_errno(error,
                                  "%s: cannot write the guest's console output, dropping it until "
                                  "that succeeds again: %m",
                                  log->path);
        log->dropped += log->n_buf;
}

/* On failure the buffer's content is lost, and with it the state of the line in the file. */
static int flush(ConsoleLog *log) {
        int r = 0;

        if (log->n_buf == 0)
                return 0;
        if (log->fd < 0)
                r = open_file(log);
        if (r >= 0)
                r = write_all(log->fd, log->buf, log->n_buf);
        if (r < 0) {
                report_loss(log, r);
                log->size -= MIN(log->size, log->n_buf);
                log->torn = true;
                log->in_line = false;
        }
        log->n_buf = 0;
        return r;
}

static void append(ConsoleLog *log, const void *data, size_t size) {
        if (log->n_buf + size > sizeof(log->buf))
                (void) flush(log);
        memcpy(log->buf + log->n_buf, data, size);
        log->n_buf += size;
        log->size += size;
}

/* For lines that arrive within a millisecond, formatting the time would be most of the work. */
static void append_head(ConsoleLog *log, usec_t now, LogKind kind) {
        usec_t when = now / USEC_PER_MSEC;

        if (log->head_when != when || log->head[0] == '\0')
                log_head_format(now, kind, log->head);
        log->head_when = when;
        log->head[LOG_HEAD_SIZE - 1] = (char) kind;
        append(log, log->head, LOG_HEAD_SIZE);
}

static void begin_line(ConsoleLog *log, usec_t now, LogKind kind) {
        if (log->size > 0 && log->size + LINE_SIZE > log->max && flush(log) >= 0)
                rotate_or_empty(log);
        if (log->torn)
                append(log, "\n", 1);
        log->torn = false;
        append_head(log, now, kind);
        log->in_line = true;
        log->line_size = 0;
        log->next = LOG_LINE;
}

static void end_line(ConsoleLog *log, LogKind next) {
        append(log, "\n", 1);
        log->in_line = false;
        log->next = next;
}

/* ---- writing ---- */

static void put_mark(ConsoleLog *log, const char *word, const char *text) {
        if (log->in_line)
                end_line(log, LOG_LINE);
        begin_line(log, now_usec(CLOCK_REALTIME), LOG_MARK);
        append(log, word, strlen(word));
        append(log, " ", 1);
        append(log, text, MIN(strlen(text), (size_t) LOG_TEXT_MAX / 2));
        end_line(log, LOG_LINE);
}

/* Nothing has been dropped so far, or the number of bytes dropped could be logged. */
static bool recovered(ConsoleLog *log) {
        uint64_t dropped = log->dropped;
        char text[32];

        if (dropped == 0)
                return true;
        snprintf(text, sizeof(text), "%" PRIu64 " bytes", dropped);
        put_mark(log, LOG_MARK_LOST, text);
        if (flush(log) < 0) {
                log->dropped = dropped;
                return false;
        }
        log->dropped = 0;
        log_warning("%s: writing again; %" PRIu64 " bytes of console output were dropped",
                    log->path, dropped);
        return true;
}

void console_log_write(ConsoleLog *log, const void *data, size_t size) {
        usec_t now = now_usec(CLOCK_REALTIME);
        const char *d = data;

        if (!recovered(log)) {
                log->dropped += size;
                return;
        }
        while (size > 0) {
                const char *newline;
                size_t n;

                if (!log->in_line)
                        begin_line(log, now, log->next);
                n = MIN(size, (size_t) LOG_TEXT_MAX - log->line_size);
                newline = memchr(d, '\n', n);
                if (newline)
                        n = (size_t) (newline - d);
                append(log, d, n);
                log->line_size += n;
                if (newline)
                        end_line(log, LOG_LINE);
                else if (log->line_size >= LOG_TEXT_MAX)
                        end_line(log, LOG_MORE);
                n += newline ? 1 : 0;
                d += n;
                size -= n;
        }
        (void) flush(log);
}

void console_log_mark(ConsoleLog *log, const char *word, const char *text) {
        if (!recovered(log))
                return;
        put_mark(log, word, text);
        (void) flush(log);
}
