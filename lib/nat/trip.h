/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Evaluates what the host's other rules, in the legacy tables and in nf_tables, do to a connection
 * between a guest and an unknown machine, at each hook. */

#include "nat/obstacle.h"
#include "nat/packet.h"

/* One connection. */
typedef struct Trip {
        NatFamily family;
        NatWay way;
        const char *tap, *uplink;
        const char *guest; /* its name, by which its own rules are known */
        uint8_t protocol;
        IpAddress host;     /* the public address that is connected to */
        uint16_t host_port; /* and the port there */
        IpAddress guest_address;
        uint16_t guest_port;
} Trip;

/* Its packets: the first one at each hook, and then the first one of the other direction. */
#define TRIP_PACKETS (2 * PACKET_HOOKS)
void trip_packets(const Trip *t, Packet ret[static TRIP_PACKETS]);

/* A foreign rule redirects the connection elsewhere. */
typedef struct Taking {
        bool taken;
        bool legacy;
        char table[OBSTACLE_NAME_MAX], chain[OBSTACLE_NAME_MAX];
} Taking;

/* Adds what drops the packets of these connections, which are of one family. taking: NULL, or of
 * what takes the first of them away. Each is a bounded number of short reads. -ENOPROTOOPT: there
 * are no such tables; -E2BIG, -ETIME: they have more rules than can be judged, or in the time that
 * may be spent, so that there may be more than was added. */
int xt_trips(const Trip *trips, size_t n, Obstacles *list, Taking *taking);
int nft_trips(const Trip *trips, size_t n, Obstacles *list, Taking *taking);

/* Pure: adds one, or adds its way to the one that is there. */
void obstacles_add(Obstacles *list, const Obstacle *o);
/* Is the chain one of a guest's own? Not UMLD-USER, which is the administrator's. */
bool chain_is_ours(const char *table, const char *chain);
