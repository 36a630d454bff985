/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mconsole.c - the wire format of the UML management console. */

#include "uml/mconsole.h"

/* Every number on the wire is a u32 in host byte order; a datagram need not be aligned in memory,
 * hence the copies. */

typedef struct NotifyHeader {
        uint32_t magic, version, type, len;
} NotifyHeader;

typedef struct ReplyHeader {
        uint32_t error, more, len;
} ReplyHeader;

static_assert(sizeof(NotifyHeader) == 16 && sizeof(ReplyHeader) == 12, "as on the wire");
static_assert(offsetof(MconsoleRequest, data) == 12, "as on the wire");

/* Kernels count the terminating NUL of their texts, uml_watchdog sends only NULs. */
static size_t text_length(const char *data, size_t len) {
        while (len > 0 && data[len - 1] == '\0')
                len--;
        return len;
}

int mconsole_parse_notify(const void *datagram, size_t size, MconsoleNotify *ret) {
        const char *data = (const char *) datagram + sizeof(NotifyHeader);
        NotifyHeader h;

        if (size < sizeof(h) || size > MCONSOLE_DATAGRAM_MAX)
                return -EBADMSG;
        memcpy(&h, datagram, sizeof(h));
        if (h.magic != MCONSOLE_MAGIC || (h.version != 0 && h.version != MCONSOLE_VERSION) ||
            h.type >= MCONSOLE_NOTIFY_MAX)
                return -EBADMSG;
        /* uml_watchdog sends more bytes than it announces; fewer would be a truncated datagram. */
        if (h.len > size - sizeof(h))
                return -EBADMSG;
        *ret = (MconsoleNotify){
                .type = (MconsoleNotifyType) h.type,
                .data = data,
                .len = text_length(data, h.len),
        };
        return 0;
}

/* 0, 1 or a negative errno are valid replies of a kernel; nothing else is. */
static bool error_valid(uint32_t error) {
        enum {
                ERRNO_MAX = 4095,
        };

        return error <= 1 || -error <= ERRNO_MAX;
}

int mconsole_parse_reply(const void *datagram, size_t size, MconsoleReply *ret) {
        static const char refusal[] = "ERR ";
        const char *text = datagram;
        ReplyHeader h;

        if (size > MCONSOLE_DATAGRAM_MAX)
                return -EBADMSG;
        /* The kernel's reply to a request of a different protocol version has no header. Read as a
         * header it would be an impossible error number, so the two cannot be confused. */
        if (size >= strlen(refusal) && memcmp(text, refusal, strlen(refusal)) == 0) {
                *ret = (MconsoleReply){ .error = 1, .data = text, .len = text_length(text, size) };
                return 0;
        }
        if (size < sizeof(h))
                return -EBADMSG;
        memcpy(&h, datagram, sizeof(h));
        if (!error_valid(h.error) || h.more > 1 || h.len > size - sizeof(h))
                return -EBADMSG;
        text += sizeof(h);
        *ret = (MconsoleReply){
                .error = (int) (int32_t) h.error,
                .more = h.more == 1,
                .data = text,
                .len = text_length(text, h.len),
        };
        return 0;
}

ssize_t mconsole_build_request(const char *command, MconsoleRequest *ret) {
        size_t len = strlen(command);

        if (len > MCONSOLE_MAX_DATA)
                return -E2BIG;
        *ret = (MconsoleRequest){
                .magic = MCONSOLE_MAGIC,
                .version = MCONSOLE_VERSION,
                .len = (uint32_t) len,
        };
        memcpy(ret->data, command, len);
        return (ssize_t) (offsetof(MconsoleRequest, data) + len);
}
