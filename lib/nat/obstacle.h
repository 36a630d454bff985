/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A rule or policy of the host's own firewall that drops packets of a guest. */

#include "nat/nat.h"
#include "nat/walk.h"

#define OBSTACLE_NAME_MAX WALK_NAME_MAX
#define OBSTACLES_MAX     8 /* at most that many are reported, in the order in which to remove them */

/* Whose rules these are, by the names that each program gives its tables and chains. */
typedef enum Firewall {
        FIREWALL_OTHER,
        FIREWALL_UFW,
        FIREWALL_FIREWALLD,
        FIREWALL_DOCKER,
        FIREWALL_MAX,
} Firewall;

/* The paths of a guest's packets through the host. */
typedef enum NatWay {
        NAT_WAY_IN,   /* a new connection from the uplink to the guest */
        NAT_WAY_OUT,  /* a new connection from the guest to the uplink */
        NAT_WAY_HOST, /* a new connection from the uplink to a port of the host that is relayed */
        NAT_WAY_MAX,
} NatWay;

typedef struct Obstacle {
        NatFamily family;
        unsigned ways; /* 1 << NAT_WAY_… */
        bool certain; /* else it may drop them, depending on conditions that umld cannot evaluate */
        bool reply;   /* it is replies that are dropped */
        bool policy;  /* the policy of the chain, else one of its rules */
        bool legacy;  /* in the legacy tables, else in nf_tables */
        uint8_t table_family; /* in nf_tables: NFPROTO_… */
        char table[OBSTACLE_NAME_MAX];
        char base[OBSTACLE_NAME_MAX];  /* the chain that the kernel calls */
        char chain[OBSTACLE_NAME_MAX]; /* the one that has the rule */
        Firewall firewall;
        uint8_t protocol; /* of NAT_WAY_HOST: the port of the host */
        uint16_t port;
} Obstacle;

typedef struct Obstacles {
        Obstacle list[OBSTACLES_MAX];
        size_t n;
} Obstacles;
