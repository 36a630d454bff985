/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.c - method History: what the guest used in the last hour. */

#include "basic/cleanup.h"
#include "daemon/bus/parts.h"

static int append_samples(sd_bus_message *reply, const History *h) {
        int r = 0;

        for (size_t i = 0; i < h->n && r >= 0; i++) {
                const HistorySample *s = history_get(h, i);

                r = sd_bus_message_append(reply, "(tttt)", s->when * USEC_PER_SEC,
                                          (uint64_t) s->memory * 1024, (uint64_t) s->received,
                                          (uint64_t) s->sent);
        }
        return r;
}

int bus_history(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Guest *g = ((const GuestBus *) userdata)->guest;
        int r;

        if ((r = sd_bus_message_new_method_return(message, &reply)) < 0 ||
            (r = sd_bus_message_open_container(reply, 'a', "(tttt)")) < 0 ||
            (r = append_samples(reply, &g->past.history)) < 0 ||
            (r = sd_bus_message_close_container(reply)) < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}
