/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link-counters.c - the counters of an interface, from /proc/net/dev.
 *
 * /sys/class/net has them in files of their own, but shows the interfaces of the namespace in which
 * it was mounted, which in a container need not be ours. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "host/link-counters.h"

enum {
        TEXT_MAX = 256 * 1024, /* more than a thousand interfaces */
};

int link_counters_parse(const char *text, const char *ifname, LinkCounters *ret) {
        size_t length = strlen(ifname);

        /* "  tap0: BYTES PACKETS ERRS DROP FIFO FRAME COMPRESSED MULTICAST BYTES …", below two
         * lines of titles. A name may touch its colon, and the number behind that. */
        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                LinkCounters c;

                line += strspn(line, "\n ");
                if (length == 0 || !startswith(line, ifname) || line[length] != ':')
                        continue;
                if (sscanf(line + length + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
                           &c.received, &c.sent) != 2)
                        return -EBADMSG;
                *ret = c;
                return 0;
        }
        return -ENODEV;
}

int link_counters_read(const char *ifname, LinkCounters *ret) {
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file("/proc/net/dev", TEXT_MAX, &text);

        return n < 0 ? (int) n : link_counters_parse(text, ifname, ret);
}
