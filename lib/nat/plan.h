/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tables should contain for a guest: chains of rules, independent of how a backend stores
 * them. */

#include <net/if.h>

#include "basic/cleanup.h"

#include "nat/nat.h"

typedef enum NatVerdict {
        NAT_ACCEPT,
        NAT_DROP,
        NAT_RETURN,
        NAT_JUMP, /* to .chain */
        NAT_DNAT, /* to .to_address and .to_port */
        NAT_MASQUERADE,
        NAT_SNAT,      /* to .to_address */
        NAT_CLAMP_MSS, /* clamps the MSS to the path MTU */
        NAT_LOG,       /* to the group .queue, and on to the next rule */
        NAT_QUEUE,     /* to .queue: to the program that is bound to it, else accepted */
} NatVerdict;

enum {
        NAT_STATE_ESTABLISHED = 1 << 0,
        NAT_STATE_RELATED = 1 << 1,
        NAT_STATE_DNAT = 1 << 2,
        NAT_STATE_NEW = 1 << 3, /* of jumps only */
};

#define NAT_CHAIN_NAME_SIZE 32 /* libiptc's limit; the kernel accepts names of up to 28 bytes */

/* {} matches every IPv4 packet and accepts it. */
typedef struct NatRule {
        NatFamily family;                      /* that of its chain, and of its addresses */
        char in[IFNAMSIZ], out[IFNAMSIZ];      /* "" = any interface */
        IpAddress source, destination;         /* a single address, or any */
        uint8_t source_bits, destination_bits; /* 0 = the single address, else its network */
        bool not_source;                       /* any source but that */
        uint8_t not_mac[6];                    /* any MAC address but that; 0 = any */
        unsigned above;                        /* more connections than that; 0 = any number */
        bool fresh;       /* while the guest may have new connections: NatPlan.fresh */
        uint8_t protocol; /* 0 = any; IPPROTO_TCP and IPPROTO_UDP have ports: */
        uint16_t first_port, last_port; /* destination port range, inclusive; 0 to 65535 = all */
        bool syn;                       /* for TCP: only SYN and SYN-ACK */
        uint8_t icmp_type;              /* for IPPROTO_ICMP and IPPROTO_ICMPV6: this type */
        unsigned states;                /* any of NAT_STATE_…; 0 = any state */
        NatVerdict verdict;
        char chain[NAT_CHAIN_NAME_SIZE];
        IpAddress to_address;
        uint16_t to_port; /* 0 = the port is not changed */
        uint16_t queue;
} NatRule;

/* Does it match by not_mac? */
bool nat_rule_has_mac(const NatRule *rule);
bool nat_rule_equal(const NatRule *a, const NatRule *b);
/* Does it forward this single port of one protocol? */
bool nat_rule_leads(const NatRule *rule, const Forward *port);

/* Where a jump stands in a built-in chain when it is made. */
typedef enum NatPlace {
        NAT_LAST,
        NAT_FIRST,       /* after the jumps to preceding chains of ours, too, in the order below */
        NAT_BEHIND_BANS, /* the same, and after foreign rules that drop by source only */
} NatPlace;

/* A chain of ours, and the one jump to it from a built-in chain. If it has no rules it should not
 * exist. */
typedef struct NatChain {
        NatFamily family;
        NatTable table;
        const char *hook; /* the built-in chain; "" = none */
        NatPlace place;
        bool user; /* NAT_CHAIN_USER, whose rules are not ours, so that none are planned */
        bool kept; /* of that one: it should exist */
        char name[NAT_CHAIN_NAME_SIZE];
        NatRule jump;
        NatRule *rules;
        size_t n_rules, n_allocated;
} NatChain;

/* The chain for the administrator's own rules and programs, shared by all guests. The first guest
 * creates it and the jump to it; the last one removes it if it is empty. */
#define NAT_USER_CHAIN "UMLD-USER"

/* Each of them for each family. */
enum {
        NAT_CHAIN_USER, /* filter FORWARD: bans, before anything of ours */
        NAT_CHAIN_CNT,  /* filter: drops connections that are too many; others jump to it */
        NAT_CHAIN_FROM, /* filter FORWARD: what the guest may send, to where */
        NAT_CHAIN_TO,   /* filter FORWARD: what may be sent to the guest */
        NAT_CHAIN_FWD,  /* filter FORWARD: accepts the guest's packets */
        NAT_CHAIN_IN,   /* filter INPUT: keeps the guest from the host itself */
        NAT_CHAIN_SND,  /* filter OUTPUT: accepts what the host sends to the guest */
        NAT_CHAIN_PRE,  /* nat PREROUTING: guarded ports, then port forwards */
        NAT_CHAIN_LOC,  /* nat PREROUTING: by further uplinks; to their addresses from any side */
        NAT_CHAIN_OUT,  /* nat OUTPUT: to the uplink's addresses from the host itself */
        NAT_CHAIN_POST, /* nat POSTROUTING: masquerading */
        NAT_CHAIN_MSS,  /* mangle FORWARD: clamps the MSS */
        NAT_CHAIN_HOLD, /* mangle FORWARD: queues new connections to the guest */
        NAT_CHAIN_SYN,  /* the same, for those whose ports had one that is still tracked */
        NAT_CHAIN_DOOR, /* mangle: queues what is forwarded to the guest, before it is */
        NAT_CHAIN_GATE, /* mangle PREROUTING: jumps to that one, by where a packet comes from */
        NAT_CHAIN_KINDS,
};

#define NAT_CHAIN_MAX (NAT_FAMILY_MAX * NAT_CHAIN_KINDS)

typedef struct NatChains {
        NatChain chain[NAT_CHAIN_MAX]; /* those of IPv4 first, in the order above */
        unsigned fresh;                /* as in the plan */
} NatChains;

static inline NatChain *nat_chain(NatChains *chains, NatFamily family, int kind) {
        return &chains->chain[(int) family * NAT_CHAIN_KINDS + kind];
}

/* The guest's chains, all empty: the plan for removing them. */
void nat_chains_init(NatChains *chains, const char *guest);
/* The chains of a plan; *chains must be {}. -E2BIG: the forwards need more rules than umld creates.
 */
int nat_chains_plan(NatChains *chains, const NatPlan *plan);
void nat_chains_done(NatChains *chains);

/* Different rules have a different hash. */
uint64_t nat_chains_hash(const NatChains *chains);

#define NAT_FORWARD_RULES_MAX 1024 /* of each family */
