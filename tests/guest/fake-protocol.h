/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a UML kernel and its management console say to each other, written down once more: a fake
 * guest that shared umld's own would share its mistakes. */

#include <stdint.h>

enum {
        MAGIC = 0xcafebabe,
        VERSION = 2,
        DATA_MAX = 512,
};

enum NotifyType {
        NOTIFY_SOCKET,
        NOTIFY_PANIC,
        NOTIFY_USER = 3,
};

typedef struct Notification {
        uint32_t magic, version, type, len;
        char data[DATA_MAX];
} Notification;

typedef struct Request {
        uint32_t magic, version, len;
        char data[DATA_MAX + 1];
} Request;

typedef struct Reply {
        uint32_t error, more, len;
        char data[DATA_MAX];
} Reply;
