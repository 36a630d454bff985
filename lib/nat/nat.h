/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The firewall rules of a guest: masquerading, port forwards and everything else. plan.c works out
 * what they should be; a backend stores them: iptables.c in chains of the legacy tables, nftables.c
 * in a table of the guest's own. Callers hold the xtables lock (xtables-lock.h) around each call
 * that may change something, for either backend, because it also serialises guests that want the
 * same port. */

#include <net/if.h>

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

/* What the guest may reach on the host itself. Replies to the host's own connections are always
 * accepted. */
typedef enum NatHostAccess {
        NAT_HOST_ALL,  /* whatever the host's own rules accept */
        NAT_HOST_ICMP, /* echo requests, as far as the host's own rules accept them */
        NAT_HOST_NO,
} NatHostAccess;

/* Where the guest may begin connections to, beside what the host forwards. */
enum {
        NAT_REACH_INTERNET = 1 << 0,   /* what the uplink leads to, except for the following two */
        NAT_REACH_LINK = 1 << 1,       /* the networks that the uplink itself is in */
        NAT_REACH_METADATA = 1 << 2,   /* link-local addresses, and where clouds tell secrets */
        NAT_REACH_NEIGHBOURS = 1 << 3, /* what is not behind the uplink: other guests, and they it,
                                          if they have this, too */
};

/* The part of a plan that is per family; addresses are of that family. */
typedef struct NatSide {
        IpAddress guest_address; /* any = nothing is planned for this family */
        IpAddress host_address;  /* that of the tap; required with public addresses and one_arm */
        bool masquerade;
        IpAddress snat_address; /* masquerade by SNAT to this address; any = by MASQUERADE */
        /* The uplink's addresses, on which the host and its guests reach the forwards too. */
        const IpAddress *public;
        size_t n_public;
        /* If they differ from the plan's one; NULL = they do not. */
        const char (*uplinks)[IFNAMSIZ];
        size_t n_uplinks;
        const IpPrefix *links; /* the networks that the uplinks are in */
        size_t n_links;
} NatSide;

typedef struct NatPlan {
        const char *guest; /* used in the names of chains */
        const char *tap;
        const char *uplink;
        NatSide side[NAT_FAMILY_MAX];
        bool one_arm; /* forwarded connections appear to come from host_address */
        const Forward *forwards;
        size_t n_forwards;
        const Forward *guarded; /* ports that are never forwarded, whatever the forwards say */
        size_t n_guarded;
        NatHostAccess host_access;
        const Forward *proxied; /* TCP ports of the host that the guest may always connect to */
        size_t n_proxied;
        bool has_mac; /* the guest's MAC address is checked: requires match mac */
        uint8_t mac[6];
        /* At most, of each family, half of them begun by the guest; 0 = any number: requires
         * connlimit */
        unsigned connections;
        /* New TCP connections until fresh() allows as many again, or, where the backend has no such
         * function, some thousands per second; 0 = any number: requires NAT_WHAT_LIMIT */
        unsigned fresh;
        unsigned reach;          /* NAT_REACH_… */
        const IpPrefix *reached; /* and these networks, of either family */
        size_t n_reached;
        const IpAddress *resolvers; /* the guest's DNS servers, wherever they are */
        size_t n_resolvers;
        bool clamp_mss; /* clamp the MSS of TCP: requires table mangle and target TCPMSS */
        /* New connections to what is forwarded go to that netfilter queue, and past it while no
         * program is bound to it; 0 = to none. Requires NAT_WHAT_QUEUE. */
        uint16_t hold_queue;
        bool hold_log;  /* those of TCP are logged to the group of that number: NAT_WHAT_LOG */
        bool hold_gate; /* they also go there before they are forwarded: what is held then follows
                           the rules of the moment when it is released */
        bool only_hold; /* nothing but that */
} NatPlan;

/* What a guest can do without, as a NatRefusal names it. */
#define NAT_WHAT_MAC       "match mac"
#define NAT_WHAT_CONNLIMIT "match connlimit"
#define NAT_WHAT_LIMIT     "match limit"
#define NAT_WHAT_QUOTA     "quota" /* the same, of nftables */
#define NAT_WHAT_QUEUE     "target NFQUEUE"
#define NAT_WHAT_LOG       "target NFLOG"

/* What the host refused. */
typedef struct NatRefusal {
        const char *what; /* static: "table nat", "target MASQUERADE" … */
        NatFamily family;
        NatTable table;
} NatRefusal;

typedef struct Nat Nat;

/* What a rule has counted. */
typedef struct NatCount {
        uint64_t packets, bytes;
} NatCount;

struct NatRule;

/* Of a rule that forwards; n > 1: it stands for so many of the plan, which rule is the first of. */
typedef void (*NatCounted)(const struct NatRule *rule, size_t n, const NatCount *count,
                           void *userdata);

typedef struct NatBackend {
        const char *name;                 /* as in Backend= */
        const char *tool[NAT_FAMILY_MAX]; /* the program that people use for such rules */

        /* Makes the tables match the plan: one commit per table that differs, none if nothing does.
         * 1 = changed, 0 = was already so. Foreign rules and their counters are never touched.
         *
         * On failure *ret_refusal says what the host refused. -ENOPROTOOPT: this host has no such
         * table; -EOPNOTSUPP: it has no such feature; -EPERM: it forbids it; -ENOPKG: a library is
         * missing; -E2BIG: the forwards need more than 1024 rules; -EAGAIN: a program that does not
         * take the lock keeps changing the table. If the guest had no rules before, a failure
         * leaves nothing behind; else the old rules stay where they could not be changed.
         *
         * -EINPROGRESS: a child is at work (libnftables, modprobe). The caller keeps the lock and
         * calls again when wait_fd() is readable, or a little later if that is negative. Until the
         * child is done the other functions that read or change the tables return the same. */
        int (*apply)(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal);

        /* 1 = the tables match the plan exactly, 0 = they differ (apply() would change something).
         * Needs no lock. Cheap as long as nobody changes the tables, however many rules of others
         * they hold. The price: a rule in a legacy table that was replaced by one of the same size
         * may be missed, until nat->by_sizes is 0. */
        int (*check)(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal);

        /* Removes every chain and jump of that guest; a table that is not active is not activated.
         * 1 = removed something, 0 = there was nothing. */
        int (*remove)(Nat *nat, const char *guest, NatRefusal *ret_refusal);

        /* How many connections the rules that forward this port (one port of one protocol) have
         * counted. -ENOENT: there is no such rule. */
        int (*packets)(Nat *nat, const NatPlan *plan, const Forward *port, uint64_t *ret);

        /* Calls fn for each rule that forwards, in one pass over the tables. */
        int (*count)(Nat *nat, const NatPlan *plan, NatCounted fn, void *userdata);

        /* How many new TCP connections the guest has had since it was last allowed them. again: it
         * is allowed as many once more. NULL: its rules allow them by themselves. */
        int (*fresh)(const Nat *nat, const char *guest, bool again, uint64_t *ret);

        /* Does the kernel support MASQUERADE? If that cannot be determined, it is assumed. */
        bool (*has_masquerade)(const Nat *nat, NatFamily family);

        int (*wait_fd)(const Nat *nat);

        /* Stops that child: 0 = nothing is in progress any more, and how far it got is unknown;
         * -EINPROGRESS as above. */
        int (*cancel)(Nat *nat);
} NatBackend;

extern const NatBackend nat_iptables, nat_nftables;

/* Waits for wait_fd(), or for a moment: for tests and benchmarks. */
void nat_wait(const Nat *nat);

/* How a plan and the legacy tables look without reading their rules. */
typedef struct NatSight {
        uint64_t plan; /* hash; 0 = not known yet */
        uint64_t shape[NAT_FAMILY_MAX][NAT_TABLE_MAX];
} NatSight;

/* One guest's rules: initialise to { .backend = … }; the rest is what a backend remembers. */
struct Nat {
        const NatBackend *backend;
        int lock_fd; /* the caller's lock, which a child inherits; 0 = none */

        /* xt-check.c: how everything looked when the rules were last found to be right, and for how
         * many more checks it is enough to compare with that; callers set it to 0 for an exact
         * check. */
        NatSight seen;
        unsigned by_sizes;

        /* nftables.c: the transaction in progress, how many attempts at it have failed because
         * foreign ones came in between, and of the last one its commands and the resulting table.
         */
        struct NftJob *job;
        unsigned races;
        uint64_t commands, fingerprint; /* hashes; 0 = there is no table of ours */
        uint32_t generation;            /* when the fingerprint was last verified */
        bool no_inet_nat;               /* kernels before 5.2: tables of family ip and ip6 */
        bool no_masquerade[NAT_FAMILY_MAX];
};
