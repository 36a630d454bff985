/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tables should hold for a guest: chains of rules, apart from how a backend stores them.
 */

#include <net/if.h>
#include <netinet/in.h>

#include "basic/cleanup.h"

#include "host/nat.h"

typedef enum NatVerdict {
        NAT_ACCEPT,
        NAT_RETURN,
        NAT_JUMP, /* to .chain */
        NAT_DNAT, /* to .to_address and .to_port */
        NAT_MASQUERADE,
        NAT_SNAT, /* to .to_address */
} NatVerdict;

enum {
        NAT_STATE_ESTABLISHED = 1 << 0,
        NAT_STATE_RELATED = 1 << 1,
        NAT_STATE_DNAT = 1 << 2,
};

#define NAT_CHAIN_NAME_SIZE 32 /* libiptc's; the kernel takes names of up to 28 bytes */

/* {} matches every packet and accepts it. */
typedef struct NatRule {
        char in[IFNAMSIZ], out[IFNAMSIZ];   /* "" = any interface */
        struct in_addr source, destination; /* one host; 0.0.0.0 = any */
        uint8_t protocol;                   /* 0 = any; IPPROTO_TCP and IPPROTO_UDP have ports: */
        uint16_t first_port, last_port;     /* of the destination, inclusive */
        unsigned states;                    /* any of NAT_STATE_…; 0 = whatever state */
        NatVerdict verdict;
        char chain[NAT_CHAIN_NAME_SIZE];
        struct in_addr to_address;
        uint16_t to_port; /* 0 = the port stays */
} NatRule;

bool nat_rule_equal(const NatRule *a, const NatRule *b);

typedef enum NatTable {
        NAT_TABLE_FILTER,
        NAT_TABLE_NAT,
        NAT_TABLE_MAX,
} NatTable;

/* A chain of ours, and the one jump to it from a built-in chain. Without rules it should not exist.
 */
typedef struct NatChain {
        NatTable table;
        const char *hook; /* the built-in chain */
        bool first;       /* jump to it before everything else there, or after */
        char name[NAT_CHAIN_NAME_SIZE];
        NatRule jump;
        NatRule *rules;
        size_t n_rules, n_allocated;
} NatChain;

enum {
        NAT_CHAIN_FWD,  /* filter FORWARD: lets the guest's packets pass */
        NAT_CHAIN_PRE,  /* nat PREROUTING: guarded ports, then port forwards */
        NAT_CHAIN_LOC,  /* nat PREROUTING: to the uplink's addresses from any other side */
        NAT_CHAIN_OUT,  /* nat OUTPUT: … and from the host itself */
        NAT_CHAIN_POST, /* nat POSTROUTING: masquerading */
        NAT_CHAIN_MAX,
};

typedef struct NatChains {
        NatChain chain[NAT_CHAIN_MAX];
} NatChains;

/* The guest's chains, all empty: what is to be there when it is gone. */
void nat_chains_init(NatChains *chains, const char *guest);
/* The chains of a plan, in place of *chains = {}. -E2BIG: the forwards need more rules than umld
 * makes. */
int nat_chains_plan(NatChains *chains, const NatPlan *plan);
void nat_chains_done(NatChains *chains);

#define NAT_FORWARD_RULES_MAX 1024
