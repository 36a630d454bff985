/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umld-init's part in the opening of a tap: the guest's kernel, whose network namespace is empty,
 * asks for its tap over a socket (host/tun-protocol.h), and gets a descriptor that is attached to
 * it. umld-init answers, not umld, because it lives as long as the kernel does. The kernel may be
 * in the hands of the guest: it gets no descriptor of any other interface, and is not answered more
 * often than it can have a reason to ask. */

#include "basic/time-util.h"

typedef struct TunBroker {
        int fd;          /* -EBADF: none */
        int attached;    /* the last descriptor that was given away; -EBADF: none. As long as it is
                            open the tap keeps its carrier: the host goes on sending to it after
                            the kernel's death, and can record what it sends. Closed by
                            supervise.c when umld has taken note of that death */
        const char *tap; /* the only interface */
        unsigned answered;
        usec_t since; /* of those answers */
} TunBroker;

/* When may it be asked again? 0: at once. */
usec_t tun_broker_pause(const TunBroker *b, usec_t now);

/* Answers one request; closes the socket if its other end is closed. */
void tun_broker_answer(TunBroker *b, usec_t now);
