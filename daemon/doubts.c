/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doubts.c - logs what in a configuration was probably not meant so. */

#include "daemon/doubts.h"
#include "basic/log.h"

void log_doubts(const Config *c) {
        for (size_t i = 0; i < c->n_forwards; i++) {
                const Forward *f = &c->forwards[i];
                char text[FORWARD_TEXT_MAX];

                if (forward_is_doubtful(f))
                        log_warning("Forward=%s: port %u of the host goes to port %u of the guest; "
                                    "a range of ports is written %u-%u",
                                    forward_format(f, text), f->host_first, f->guest_first,
                                    f->host_first, f->guest_first);
        }
}
