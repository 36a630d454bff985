/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover.c - descriptors for the program that takes the place of this one. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "daemon/base/handover.h"

#define VARIABLE "UMLD_HANDOVER"

enum {
        QUEUE_SIZE = 1 << 20, /* nobody reads it before the execution */
};

/* ---- to be handed over ---- */

int handover_begin(Handover *ret) {
        const int size = QUEUE_SIZE;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        (void) setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        *ret = HANDOVER_NONE;
        keeper_begin(&ret->keeper, pair[0]);
        ret->inherited = pair[1];
        return 0;
}

int handover_finish(Handover *h) {
        char number[16];
        int r = h->keeper.error;

        if (r >= 0)
                r = store_send(h->keeper.socket, STORE_ALL, NULL, 0, 0, -EBADF);
        h->keeper.socket = safe_close(h->keeper.socket);
        snprintf(number, sizeof(number), "%d", h->inherited);
        if (r >= 0 && setenv(VARIABLE, number, true) < 0)
                r = -errno;
        return r < 0 ? r : fd_cloexec(h->inherited, false);
}

void handover_cancel(Handover *h) {
        (void) unsetenv(VARIABLE);
        safe_close(h->keeper.socket);
        keeper_done(&h->keeper);
        safe_close(h->inherited);
        *h = HANDOVER_NONE;
}

/* ---- handed over ---- */

bool handover_is_there(void) {
        return getenv(VARIABLE);
}

int handover_take(void) {
        const char *text = getenv(VARIABLE);
        int type = 0, domain = 0;
        socklen_t size = sizeof(int);
        uint64_t fd;

        if (!text || parse_unsigned(text, 3, INT32_MAX, &fd) < 0)
                return -ENOENT;
        (void) unsetenv(VARIABLE);
        if (getsockopt((int) fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
            getsockopt((int) fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
            type != SOCK_SEQPACKET || domain != AF_UNIX)
                return -ENOENT;
        return (int) fd;
}
