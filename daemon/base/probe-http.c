/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe-http.c - the request of a probe, and the answer to it. */

#include <ctype.h>
#include <stdio.h>

#include "daemon/base/probe-http.h"
#include "umld-config.h"

size_t probe_http_request(const Probe *p, struct in_addr guest,
                          char buf[static PROBE_REQUEST_MAX]) {
        const uint8_t *ip = (const uint8_t *) &guest;

        return (size_t) snprintf(buf, PROBE_REQUEST_MAX,
                                 "GET %s HTTP/1.0\r\nHost: %u.%u.%u.%u:%u\r\n"
                                 "User-Agent: umld/%s\r\nConnection: close\r\n\r\n",
                                 p->path, ip[0], ip[1], ip[2], ip[3], p->port, UMLD_VERSION);
}

/* "HTTP/1.1 200" and a blank or the line's end. */
int probe_http_status(const char *text, size_t size) {
        static const char form[] = "HTTP/d.d ddd";

        for (size_t i = 0; i < sizeof(form) - 1; i++) {
                if (i == size)
                        return 0;
                if (form[i] == 'd' ? !isdigit((unsigned char) text[i]) : text[i] != form[i])
                        return -EBADMSG;
        }
        if (size == sizeof(form) - 1)
                return 0;
        if (!strchr(" \r\n", text[sizeof(form) - 1]) || text[9] == '0')
                return -EBADMSG;
        return (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
}
