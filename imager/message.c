/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.c - messages to umlctl. */

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "imager/message.h"

#define PROGRESS_EVERY (100 * USEC_PER_MSEC)

/* Without memory: an error is told even if there is none left, and umlctl does not wait for a
 * question that was never asked, nor this process for its answer. */
static int _printf_(2, 0) sayv(const char *word, const char *format, va_list ap) {
        char line[IMAGE_MESSAGE_MAX];
        size_t n = (size_t) snprintf(line, sizeof(line) - 1, "%s", word);

        n = MIN(n, sizeof(line) - 2);
        (void) vsnprintf(line + n, sizeof(line) - 1 - n, format, ap);
        n = strlen(line);
        line[n++] = '\n';
        return write(IMAGE_FD_MESSAGES, line, n) < 0 ? -errno : 0;
}

static int _printf_(2, 3) say(const char *word, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = sayv(word, format, ap);
        va_end(ap);
        return r;
}

void say_progress(uint64_t bytes, void *unused) {
        static usec_t last;
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (now - last < PROGRESS_EVERY)
                return;
        last = now;
        (void) say(IMAGE_WORD_PROGRESS, "%llu", (unsigned long long) bytes);
}

void say_note(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) sayv(IMAGE_WORD_NOTE, format, ap);
        va_end(ap);
}

void say_result(const char *key, const char *format, ...) {
        char word[64];
        va_list ap;

        (void) snprintf(word, sizeof(word), "%s%s ", IMAGE_WORD_RESULT, key);
        va_start(ap, format);
        (void) sayv(word, format, ap);
        va_end(ap);
}

int ask_file(const char *name) {
        char answer = 'n';
        struct iovec iov = { .iov_base = &answer, .iov_len = 1 };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct msghdr mh = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control) };
        int fd = -ENOENT, r = say(IMAGE_WORD_FILE, "%s", name);

        if (r < 0)
                return r;
        if (recvmsg(IMAGE_FD_MESSAGES, &mh, MSG_CMSG_CLOEXEC) < 0)
                return -errno;
        if (answer == 'y' && mh.msg_controllen >= CMSG_LEN(sizeof(int)) &&
            control.header.cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
        return fd;
}

int say_error(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) sayv(IMAGE_WORD_ERROR, format, ap);
        va_end(ap);
        return EXIT_FAILED;
}
