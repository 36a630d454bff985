/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The UML management console: wire format of requests, replies and notifications
 * (arch/um/drivers/mconsole.h of Linux; measured behaviour in the comments). Pure code, no sockets.
 */

#include <sys/types.h>

#include "basic/macro.h"

enum {
        MCONSOLE_MAGIC = 0xcafebabe,
        MCONSOLE_VERSION = 2,
        MCONSOLE_MAX_DATA = 512,
        MCONSOLE_DATAGRAM_MAX = 4096, /* space for what a later kernel may send */
};

typedef enum MconsoleNotifyType {
        MCONSOLE_SOCKET, /* the console listens; data is its path */
        MCONSOLE_PANIC,  /* data is the panic message */
        MCONSOLE_HANG,   /* from uml_watchdog */
        MCONSOLE_USER,   /* data is what was written to /proc/mconsole in the guest */
        MCONSOLE_NOTIFY_MAX,
} MconsoleNotifyType;

typedef struct MconsoleNotify {
        MconsoleNotifyType type;
        const char
                *data; /* points into the datagram; from the guest, without the terminating NUL */
        size_t len;
} MconsoleNotify;

/* Decodes a notification. -EBADMSG for anything else. Versions 0 (HANG) and 2 are known. */
int mconsole_parse_notify(const void *datagram, size_t size, MconsoleNotify *ret);

typedef struct MconsoleReply {
        int error; /* 0 = success, 1 = refused, or a negative errno */
        bool more; /* another datagram follows */
        const char
                *data; /* points into the datagram; from the guest, without the terminating NUL */
        size_t len;
} MconsoleReply;

/* Decodes one datagram of a reply. A text without header ("ERR Version …") is an error = 1 with
 * that text. -EBADMSG for anything else. */
int mconsole_parse_reply(const void *datagram, size_t size, MconsoleReply *ret);

/* Encodes a request. Returns its size, or -E2BIG if the command is longer than MCONSOLE_MAX_DATA.
 */
typedef struct MconsoleRequest {
        uint32_t magic, version, len;
        char data[MCONSOLE_MAX_DATA];
} MconsoleRequest;

ssize_t mconsole_build_request(const char *command, MconsoleRequest *ret);
