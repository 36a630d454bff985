/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-rest.c - what is left of connections that died with the guest. */

#include "basic/log.h"
#include "daemon/net/hold-parts.h"

static void decide(Hold *h, uint32_t id, bool accept) {
        int r = nfqueue_verdict(h->queue, id, accept);

        if (r < 0)
                log_debug_errno(r, "cannot pass or drop a packet to the dead guest: %m");
}

/* The next boot's kernel resets it. Until that can answer, one packet of each waits: its client
 * sends it again more and more seldom, and would have to wait for the next time. In the other
 * direction it is the answer to a connection of the guest's own. */
void hold_rest(Hold *h, const NfPacket *p) {
        const Rest rest = { .id = p->id,
                            .flow = nf_packet_flow(p),
                            .family = p->family,
                            .port = p->destination_port };
        size_t i = 0;

        while (i < h->n_rests && h->rests[i].flow != rest.flow)
                i++;
        if (h->phase != HOLD_WAIT || i == RESTS_MAX) {
                decide(h, p->id, h->phase != HOLD_WAIT);
                return;
        }
        if (i < h->n_rests) /* the kernel may have dropped it: hold-list.h */
                decide(h, h->rests[i].id, false);
        else
                h->n_rests++;
        h->rests[i] = rest;
}

/* Whether there is a service at that port makes no difference. */
void hold_try_for_rests(Hold *h) {
        HoldPort *p = hold_port_want(&h->ports, h->rests[0].family, h->rests[0].port);

        if (p)
                hold_port_try(p);
}

void hold_end_rests(Hold *h, bool accept) {
        for (size_t i = 0; i < h->n_rests; i++)
                decide(h, h->rests[i].id, accept);
        h->n_rests = 0;
}
