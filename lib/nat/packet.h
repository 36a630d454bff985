/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A packet as rules see it, as far as it is known: one of a connection between a guest and a
 * stranger, who is a machine on the Internet that no rule names. */

#include <net/if.h>

#include "nat/nat.h"

/* Where the kernel calls chains, as NF_INET_…, of which these concern a guest's packets. */
typedef enum PacketHook {
        PACKET_PREROUTING,
        PACKET_INPUT,
        PACKET_FORWARD,
        PACKET_OUTPUT,
        PACKET_POSTROUTING,
        PACKET_HOOKS,
} PacketHook;

typedef struct Packet {
        NatFamily family;
        PacketHook hook;
        bool passes;                            /* this hook, on its way */
        char in[IFNAMSIZ], out[IFNAMSIZ];       /* "" = none */
        uint8_t protocol;                       /* IPPROTO_TCP or IPPROTO_UDP */
        IpAddress source, destination;          /* any = a stranger's */
        uint16_t source_port, destination_port; /* 0 = not known */
        bool reply; /* of an established connection, else the first packet of a new one */
        bool dnat;  /* the connection was forwarded */
} Packet;

/* Does a rule match it? */
typedef enum Match {
        MATCH_NO,
        MATCH_MAYBE, /* depends on something unknown */
        MATCH_YES,
} Match;

static inline Match match_of(bool yes) {
        return yes ? MATCH_YES : MATCH_NO;
}

static inline Match match_not(Match m) {
        return m == MATCH_MAYBE ? m : match_of(m == MATCH_NO);
}

/* Combines two conditions that must both be true. */
static inline Match match_both(Match a, Match b) {
        return a < b ? a : b;
}
