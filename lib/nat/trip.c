/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trip.c - the packets of a connection, and the list of what drops them. */

#include "nat/trip.h"
#include "nat/nft-script.h"

/* The client's port: an ephemeral one, which no rule names by itself. */
#define CLIENT_PORT 50321

void trip_packets(const Trip *t, Packet ret[static TRIP_PACKETS]) {
        bool in = t->way == NAT_WAY_IN;
        const Packet first = {
                .family = t->family,
                .protocol = t->protocol,
                .source = in ? (IpAddress){} : t->guest_address,
                .destination = in ? t->guest_address : (IpAddress){},
                .source_port = CLIENT_PORT,
                .destination_port = in ? t->guest_port : 0,
                .dnat = in,
        };
        const char *from = in ? t->uplink : t->tap, *to = in ? t->tap : t->uplink;

        for (size_t i = 0; i < TRIP_PACKETS; i++) {
                bool reply = i >= PACKET_HOOKS;
                Packet *p = &ret[i];

                *p = first;
                p->hook = (PacketHook) (i % PACKET_HOOKS);
                p->reply = reply;
                if (reply) {
                        p->source = first.destination;
                        p->source_port = first.destination_port;
                        p->destination = first.source;
                        p->destination_port = first.source_port;
                }
                if (p->hook != PACKET_POSTROUTING)
                        strncpy(p->in, reply ? to : from, IFNAMSIZ - 1);
                if (p->hook != PACKET_PREROUTING)
                        strncpy(p->out, reply ? from : to, IFNAMSIZ - 1);
        }
        if (in) { /* before it is forwarded */
                ret[PACKET_PREROUTING].destination = t->host;
                ret[PACKET_PREROUTING].destination_port = t->host_port;
                ret[PACKET_PREROUTING].dnat = false;
        }
}

static bool same_place(const Obstacle *a, const Obstacle *b) {
        return a->family == b->family && a->legacy == b->legacy && a->policy == b->policy &&
               a->table_family == b->table_family && streq(a->table, b->table) &&
               streq(a->base, b->base) && streq(a->chain, b->chain);
}

void obstacles_add(Obstacles *list, const Obstacle *o) {
        for (size_t i = 0; i < list->n; i++)
                if (same_place(&list->list[i], o)) {
                        list->list[i].ways |= o->ways;
                        list->list[i].certain |= o->certain;
                        return;
                }
        if (list->n < OBSTACLES_MAX)
                list->list[list->n++] = *o;
}

bool chain_is_ours(const char *table, const char *chain) {
        return startswith(table, NFT_TABLE_PREFIX) ||
               (startswith(chain, "UMLD-") && !streq(chain, "UMLD-USER"));
}
