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

static void _printf_(2, 0) sayv(const char *word, const char *format, va_list ap) {
        char text[IMAGE_MESSAGE_MAX - 64];
        _cleanup_free_ char *line = NULL;

        (void) vsnprintf(text, sizeof(text), format, ap);
        line = strfmt("%s%s\n", word, text);
        if (line && write(IMAGE_FD_MESSAGES, line, strlen(line)) < 0)
                return; /* without a reader there is nobody to tell */
}

static void _printf_(2, 3) say(const char *word, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        sayv(word, format, ap);
        va_end(ap);
}

void say_progress(uint64_t bytes, void *unused) {
        static usec_t last;
        usec_t now = now_usec(CLOCK_MONOTONIC);

        (void) unused;
        if (now - last < PROGRESS_EVERY)
                return;
        last = now;
        say(IMAGE_WORD_PROGRESS, "%llu", (unsigned long long) bytes);
}

void say_note(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        sayv(IMAGE_WORD_NOTE, format, ap);
        va_end(ap);
}

void say_result(const char *key, const char *format, ...) {
        _cleanup_free_ char *word = strfmt("%s%s ", IMAGE_WORD_RESULT, key);
        va_list ap;

        va_start(ap, format);
        sayv(word ?: IMAGE_WORD_RESULT, format, ap);
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
        int fd = -ENOENT;

        say(IMAGE_WORD_FILE, "%s", name);
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
        sayv(IMAGE_WORD_ERROR, format, ap);
        va_end(ap);
        return EXIT_FAILED;
}
