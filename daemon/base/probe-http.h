/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a web server in the guest is asked for Probe=http/…, and what counts as its answer. Pure. */

#include <netinet/in.h>

#include "conf/config.h"

enum {
        PROBE_REQUEST_MAX = PROBE_PATH_MAX + 160,
        PROBE_ANSWER_MAX = 16, /* bytes: the beginning of the first line is enough */
};

/* The request to a guest with that address. Returns its length. */
size_t probe_http_request(const Probe *p, struct in_addr guest, char buf[static PROBE_REQUEST_MAX]);

/* Parses the beginning of a web server's answer: returns its status, 0 = incomplete, -EBADMSG =
 * invalid. */
int probe_http_status(const char *text, size_t size);

/* Does this status mean success? */
static inline bool probe_http_good(int status) {
        return status >= 200 && status < 400;
}
