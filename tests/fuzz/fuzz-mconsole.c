/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-mconsole.c - any datagram as a notification and as a reply: what is accepted points into it,
 * and what is refused changes nothing. */

#include "fuzz.h"

#include "uml/mconsole.h"

static void assert_inside(const uint8_t *data, size_t size, const char *text, size_t len) {
        const uint8_t *p = (const uint8_t *) text;

        assert(p >= data && p <= data + size && len <= (size_t) (data + size - p));
        assert(len == 0 || text[len - 1] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        MconsoleNotify notify = { .len = 99 };
        MconsoleReply reply = { .len = 99 };
        MconsoleRequest request = { .len = 99 };
        char command[MCONSOLE_MAX_DATA + 8];
        size_t n = size < sizeof(command) ? size : sizeof(command) - 1;
        ssize_t length;

        if (mconsole_parse_notify(data, size, &notify) >= 0) {
                assert((unsigned) notify.type < MCONSOLE_NOTIFY_MAX);
                assert_inside(data, size, notify.data, notify.len);
        } else
                assert(notify.len == 99 && !notify.data);

        if (mconsole_parse_reply(data, size, &reply) >= 0) {
                assert(reply.error <= 1 && reply.error >= -4095);
                assert_inside(data, size, reply.data, reply.len);
        } else
                assert(reply.len == 99 && !reply.data);

        memcpy(command, data, n);
        command[n] = '\0';
        length = mconsole_build_request(command, &request);
        if (length < 0)
                assert(length == -E2BIG && strlen(command) > MCONSOLE_MAX_DATA &&
                       request.len == 99);
        else
                assert((size_t) length == 12 + strlen(command) && request.len == strlen(command));
        return 0;
}
