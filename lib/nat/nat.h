/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Masquerading, port forwards and what else the host's tables hold for one guest. What they are to
 * hold is worked out in nat-plan.c; a backend stores it: nat-iptables.c in chains of the legacy
 * tables, nat-nftables.c in a table of the guest's own. Callers hold the xtables lock
 * (xtables-lock.h) around each call, whichever it is: it keeps guests from each other's ports, too.
 */

#include "basic/forward.h"
#include "basic/ip-address.h"

typedef enum NatFamily {
        NAT_IPV4,
        NAT_IPV6,
        NAT_FAMILY_MAX,
} NatFamily;

typedef enum NatTable {
        NAT_TABLE_FILTER,
        NAT_TABLE_NAT,
        NAT_TABLE_MANGLE,
        NAT_TABLE_MAX,
} NatTable;

/* What of the host itself the guest may reach. Answers to what the host asked it for always come
 * in. */
typedef enum NatHostAccess {
        NAT_HOST_ALL,  /* whatever the host's own rules allow */
        NAT_HOST_ICMP, /* as far as they allow it: echo requests */
        NAT_HOST_NO,
} NatHostAccess;

/* What a plan says of one family; addresses are of that family. */
typedef struct NatSide {
        IpAddress guest_address; /* any = nothing is planned for this family */
        IpAddress host_address;  /* the tap's; needed with public addresses and one_arm */
        bool masquerade;
        IpAddress snat_address; /* masquerade by SNAT to this one; any = by MASQUERADE */
        /* The uplink's addresses, by which the host and its guests reach the forwards too. */
        const IpAddress *public;
        size_t n_public;
        const char *uplink; /* where it is not the plan's; NULL = it is */
} NatSide;

typedef struct NatPlan {
        const char *guest; /* names the chains */
        const char *tap;
        const char *uplink;
        NatSide side[NAT_FAMILY_MAX];
        bool one_arm; /* forwarded connections seem to come from host_address */
        const Forward *forwards;
        size_t n_forwards;
        const Forward *guarded; /* ports that stay the host's, whatever the forwards say */
        size_t n_guarded;
        NatHostAccess host_access;
        const Forward *proxied; /* TCP ports of the host that the guest may call at any rate */
        size_t n_proxied;
        bool clamp_mss; /* TCP segments fit the path: needs table mangle and target TCPMSS */
} NatPlan;

/* What the host refused. */
typedef struct NatRefusal {
        const char *what; /* static: "table nat", "target MASQUERADE" … */
        NatFamily family;
        NatTable table;
} NatRefusal;

typedef struct Nat Nat;

typedef struct NatBackend {
        const char *name;                 /* as Backend= has it */
        const char *tool[NAT_FAMILY_MAX]; /* by which people make such rules */

        /* Makes the tables be as planned: one commit for each table that differs, none where
         * nothing does. 1 = changed, 0 = was already so. Foreign rules and their counters are never
         * touched.
         *
         * On failure *ret_refusal says what the host refused. -ENOPROTOOPT: this host has no such
         * table; -EOPNOTSUPP: it has no such feature; -EPERM: it forbids it; -ENOPKG: a library is
         * missing; -E2BIG: the forwards need more than 1024 rules; -EAGAIN: somebody who does not
         * take the lock keeps changing the table. Where nothing of the guest was there before, a
         * failure leaves nothing behind; else the old rules stay where they could not be changed.
         */
        int (*apply)(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal);

        /* 1 = the tables hold exactly the plan, 0 = they differ (apply() would change something).
         */
        int (*check)(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal);

        /* Takes away every chain and jump of that guest; a table that is not in use stays so.
         * 1 = removed something, 0 = there was nothing. */
        int (*remove)(Nat *nat, const char *guest, NatRefusal *ret_refusal);

        /* How many calls the rules that lead this port (one, of one protocol) have seen. -ENOENT:
         * there is no such rule. */
        int (*packets)(Nat *nat, const NatPlan *plan, const Forward *port, uint64_t *ret);

        /* How many rules of others decide about a packet in FORWARD before the guest's own chain
         * does, or whatever that says; -ENOENT: that is not there. */
        int (*foreign_before)(Nat *nat, const NatPlan *plan, NatFamily family);

        /* Can the kernel masquerade? Where it cannot be told, it is taken for granted. */
        bool (*has_masquerade)(const Nat *nat, NatFamily family);
} NatBackend;

extern const NatBackend nat_iptables, nat_nftables;

/* One guest's rules: { .backend = … } to begin with; the rest is what a backend remembers. */
struct Nat {
        const NatBackend *backend;

        /* nat-nftables.c: what its last transaction said, and what came of it. */
        uint64_t commands, fingerprint; /* hashes; 0 = nothing of ours is there */
        uint32_t generation;            /* at which the fingerprint was seen last */
        bool no_inet_nat;               /* kernels before 5.2: tables of family ip and ip6 */
        bool no_masquerade[NAT_FAMILY_MAX];
};
