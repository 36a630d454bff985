/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - one line per message to standard error, in the format its reader expects. */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "basic/log.h"

enum {
        LINE_SIZE = 2048, /* longer messages are cut, never dropped */
};

static enum { TARGET_PLAIN, TARGET_JOURNAL, TARGET_FILE } log_target = TARGET_PLAIN;
static const char *log_ident = NULL;
static int log_max_level = LOG_INFO;
static bool never_wait = false;
static int own_fd = -EBADF; /* standard error opened again, with flags of our own */
static unsigned dropped = 0;
static void (*error_hook)(const char *message) = NULL;

/* The journal names its own stream in JOURNAL_STREAM=DEV:INODE (systemd.exec(5)). */
static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return e && sscanf(e, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) >= 0 &&
               st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *ident) {
        struct stat st;

        log_ident = ident;
        if (stderr_is_journal())
                log_target = TARGET_JOURNAL;
        else if (fstat(STDERR_FILENO, &st) >= 0 && S_ISREG(st.st_mode))
                log_target = TARGET_FILE;
        else
                log_target = TARGET_PLAIN;
}

void log_set_max_level(int level) {
        log_max_level = level;
}

int log_get_max_level(void) {
        return log_max_level;
}

void log_set_error_hook(void (*hook)(const char *message)) {
        error_hook = hook;
}

void log_never_wait(void) {
        struct stat st;

        never_wait = true;
        /* Other processes may share our standard error and must not find it non-blocking. A socket
         * cannot be opened again, but has a flag for each message. */
        if (own_fd < 0 && fstat(STDERR_FILENO, &st) >= 0 &&
            (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
                own_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool put_without_waiting(const char *line, size_t size) {
        int fd = own_fd >= 0 ? own_fd : STDERR_FILENO;
        struct pollfd p = { .fd = fd, .events = POLLOUT };

        if (log_target == TARGET_FILE)
                return write(fd, line, size) >= 0;
        if (own_fd < 0 && send(fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                return true;
        if (own_fd < 0 && errno != ENOTSOCK)
                return errno != EAGAIN;
        /* Only with space for the whole line, else a terminal would get part of it. */
        if (poll(&p, 1, 0) == 0)
                return false;
        return write(fd, line, size) >= 0 || errno != EAGAIN;
}

static void put(const char *line, size_t size) {
        char lost[80];
        int n;

        if (!never_wait) {
                (void) !write(STDERR_FILENO, line, size);
                return;
        }
        if (dropped > 0) {
                n = snprintf(lost, sizeof(lost),
                             "%s%u messages were dropped because nothing read them\n",
                             log_target == TARGET_JOURNAL ? "<4>" : "", dropped);
                if (put_without_waiting(lost, (size_t) n))
                        dropped = 0;
        }
        if (dropped > 0 || !put_without_waiting(line, size))
                dropped++;
}

static size_t format_prefix(char *buf, size_t size, int level) {
        int n = 0;

        if (log_target == TARGET_JOURNAL)
                n = snprintf(buf, size, "<%d>", level);
        else if (log_target == TARGET_FILE) {
                struct timespec ts;
                struct tm tm;
                char stamp[32];

                clock_gettime(CLOCK_REALTIME, &ts);
                localtime_r(&ts.tv_sec, &tm);
                strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
                n = snprintf(buf, size, "%s.%03ld %s", stamp, ts.tv_nsec / 1000000,
                             level <= LOG_ERR       ? "error: "
                             : level == LOG_WARNING ? "warning: "
                                                    : "");
        } else
                n = snprintf(buf, size, "%s%s%s", log_ident ?: "", log_ident ? ": " : "",
                             level == LOG_WARNING ? "warning: " : "");
        return n < 0 ? 0 : MIN((size_t) n, size - 1);
}

_printf_(3, 0) static int log_internalv(int level, int error, const char *format, va_list ap) {
        char line[LINE_SIZE];
        int saved = errno, n;
        size_t prefix, len;

        prefix = format_prefix(line, sizeof(line) - 1, level);
        errno = error < 0 ? -error : error;
        n = vsnprintf(line + prefix, sizeof(line) - 1 - prefix, format, ap);
        len = prefix + (n < 0 ? 0 : MIN((size_t) n, sizeof(line) - 2 - prefix));
        line[len] = '\0';
        if (error_hook && level <= LOG_ERR)
                error_hook(line + prefix);
        line[len++] = '\n';
        put(line, len);
        errno = saved;
        return error < 0 ? error : -error;
}

int log_internal(int level, int error, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = log_internalv(level, error, format, ap);
        va_end(ap);
        return r;
}
