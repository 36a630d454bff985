/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A socket to netfilter in the kernel (nfnetlink), for the files that queue and log packets. The
 * kernel carries out each request before send() returns, so its answer is there at once; what is
 * read before it are packets. Nothing here waits. */

#include <libmnl/libmnl.h>

#include "basic/cleanup.h"

/* A message that is no answer. */
typedef void (*NfMessageFn)(const struct nlmsghdr *h, void *userdata);

typedef struct NfSocket {
        NfMessageFn fn;
        void *userdata;
        int fd;
        uint32_t port; /* its netlink address */
        uint32_t sequence;
} NfSocket;

enum {
        NF_REQUEST_SIZE = 512,
        NF_MESSAGES_SIZE = 32 << 10, /* the most that the kernel sends at a time */
};

/* room: bytes of messages that are not read yet; what does not fit is dropped. -EOPNOTSUPP: this
 * kernel, or this container, has no such sockets. */
int nf_socket_open(NfSocket *s, int room, NfMessageFn fn, void *userdata);

/* One that another program has opened in this process before; takes ownership of fd on success. */
int nf_socket_adopt(NfSocket *s, int fd, NfMessageFn fn, void *userdata);

/* A message to that subsystem about a queue or group of that number, with space for attributes. */
struct nlmsghdr *nf_begin(char buffer[static NF_REQUEST_SIZE], uint8_t subsystem, uint8_t type,
                          uint16_t number);
int nf_say(const NfSocket *s, const struct nlmsghdr *h);
/* The kernel's answer: 0, or an error. */
int nf_request(NfSocket *s, struct nlmsghdr *h);

/* Calls fn for what has come, at most max datagrams; 0 = that was all, 1 = there may be more. */
int nf_read(NfSocket *s, unsigned max);
