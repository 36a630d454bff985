/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trip.c - the packets of a connection, and the list of what drops them. */

#include "nat/trip.h"
#include "nat/nft-script.h"

/* The client's port: an ephemeral one, which no rule names by itself. */
#define CLIENT_PORT 50321

/* The hooks that packets of each way meet, and their replies, as bits. */
#define HOOK(hook) (1U << (PACKET_##hook))
static const struct {
        unsigned first, reply;
} hooks[NAT_WAY_MAX] = {
        [NAT_WAY_IN] = { HOOK(PREROUTING) | HOOK(FORWARD) | HOOK(POSTROUTING),
                         HOOK(PREROUTING) | HOOK(FORWARD) | HOOK(POSTROUTING) },
        [NAT_WAY_OUT] = { HOOK(PREROUTING) | HOOK(FORWARD) | HOOK(POSTROUTING),
                          HOOK(PREROUTING) | HOOK(FORWARD) | HOOK(POSTROUTING) },
        [NAT_WAY_HOST] = { HOOK(PREROUTING) | HOOK(INPUT), HOOK(OUTPUT) | HOOK(POSTROUTING) },
};

/* The first packet, as it is in the middle of its way. */
static Packet first_packet(const Trip *t) {
        Packet p = { .family = t->family, .protocol = t->protocol, .source_port = CLIENT_PORT };

        switch (t->way) {
        case NAT_WAY_IN:
                p.destination = t->guest_address;
                p.destination_port = t->guest_port;
                p.dnat = true;
                break;
        case NAT_WAY_OUT:
                p.source = t->guest_address;
                break;
        case NAT_WAY_HOST:
                p.destination = t->host;
                p.destination_port = t->host_port;
                break;
        case NAT_WAY_MAX:
        default:
                break;
        }
        return p;
}

static void turn_round(Packet *p, const Packet *first) {
        p->reply = true;
        p->source = first->destination;
        p->source_port = first->destination_port;
        p->destination = first->source;
        p->destination_port = first->source_port;
}

void trip_packets(const Trip *t, Packet ret[static TRIP_PACKETS]) {
        const Packet first = first_packet(t);
        const char *from = t->way == NAT_WAY_OUT ? t->tap : t->uplink,
                   *to = t->way == NAT_WAY_OUT ? t->uplink : t->tap;

        for (size_t i = 0; i < TRIP_PACKETS; i++) {
                bool reply = i >= PACKET_HOOKS;
                Packet *p = &ret[i];

                *p = first;
                p->hook = (PacketHook) (i % PACKET_HOOKS);
                p->passes = (reply ? hooks[t->way].reply : hooks[t->way].first) & 1U << p->hook;
                if (reply)
                        turn_round(p, &first);
                if (p->hook <= PACKET_FORWARD)
                        strncpy(p->in, reply ? to : from, IFNAMSIZ - 1);
                if (p->hook >= PACKET_FORWARD)
                        strncpy(p->out, reply ? from : to, IFNAMSIZ - 1);
        }
        if (t->way == NAT_WAY_IN) { /* before it is forwarded */
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
