/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The network of one guest: its tap, its ways out, the firewall rules between them, and what the
 * host forwards to it. The steps that make it are in the headers beside this one; their table is in
 * daemon/setup/setup.h, and what a step is says daemon/host/host.h. */

#include <net/if.h>

#include "daemon/base/lock-wait.h"
#include "daemon/host/host.h"
#include "host/guard.h"
#include "host/rtnl.h"
#include "nat/plan.h"

/* What a guest can do without: a sentence if the host does not have it. */
enum {
        NET_LACKS_MSS,        /* MSS clamping */
        NET_LACKS_IPV6,       /* IPv6, if it is configured */
        NET_LACKS_CLOSED_TAP, /* a tap by which the guest cannot reach the host over IPv6 */
        NET_LACKS,
};

/* What makes the guest's rules. */
typedef struct RulesMaker {
        Nat nat;             /* without a backend until that is chosen */
        RulesBackend wanted; /* the setting it was chosen for … */
        const char *why;     /* the reason for the choice; static */
} RulesMaker;

#define NET_PUBLIC_MAX 64 /* addresses of the uplink; a provider gives a few */

typedef struct PublicAddresses {
        IpAddress list[NET_PUBLIC_MAX];
        size_t n;
} PublicAddresses;

typedef struct Net {
        Host *host; /* borrowed */
        Rtnl *rtnl;

        /* uplink.c, at each look for the uplink. */
        char uplink[NAT_FAMILY_MAX][IFNAMSIZ];
        PublicAddresses public[NAT_FAMILY_MAX]; /* their addresses */

        /* addresses.c */
        bool claimed;            /* the guest's network and tap are noted as its own */
        char *collision;         /* what on the host uses the network by now, too; NULL = nothing */
        usec_t addresses_looked; /* for such, CLOCK_MONOTONIC; 0 = to be done */

        struct Conditions *conditions; /* conditions.c: what all this relies on */

        /* forwards.c */
        char *claimed_ports; /* as the others are told; NULL = nothing */

        /* tap.c */
        unsigned mtu;    /* of the tap, 0 = not known yet */
        int tap_index;   /* of the tap that umld created, 0 = none yet */
        uid_t tap_owner; /* its owner */

        /* Once each, by whoever finds it out: a look at the host does not bring it back. */
        char *lacking[NET_LACKS]; /* why it must do without, NULL = it has it */

        /* forwarding.c and ipv6.c, when a step is up and when it is undone. */
        bool forwarding;  /* ip_forward was joined */
        bool forwarding6; /* IPv6 forwarding was joined */

        /* rules*.c, when the rules are made and when they are removed. */
        bool rules;                            /* they are, or may be, in the tables */
        RulesMaker maker;                      /* what makes them: chosen by backend.c */
        Masquerade masquerade[NAT_FAMILY_MAX]; /* what it came to: any but auto */
        bool open_tap_said;
        unsigned repairs;   /* of rules that another program changed */
        usec_t last_repair; /* CLOCK_MONOTONIC */
        LockWait lock_wait; /* for the xtables lock */

        /* rules-make.c: while a child makes the rules, the lock is kept, and `maker` is what tries.
         */
        bool under_way;
        int lock_fd;       /* the xtables lock, else -EBADF */
        RulesMaker before; /* what made the rules that are there */

        /* flows.c, when the rules have changed. */
        NatChains met;       /* the rules that flows have met */
        bool met_known;      /* they were made, or found right */
        struct Flows *flows; /* those that contradict the rules are being looked for; NULL: none */

        unsigned busy; /* set-ups and reloads under way: until they are over the watch keeps off */

        /* Set by whoever sees the change, cleared by rules-make.c when the rules have followed it.
         */
        bool rules_stale;      /* what they depend on has changed since */
        const char *stale_why; /* static; NULL: a change could not be made at once */
        bool drifted;          /* somebody else has changed them: rules-follow.c's own */
        bool network_moved;    /* the uplink may have changed: to be checked */

        Guard guard; /* ports that are never forwarded: updated by whoever is about to use it;
                        who gives orders over ssh adds a session */

        /* The guest's, which owns them. */
        struct Proxies *proxies; /* NULL: there will be none */
        const Config *held;      /* its forwards are kept from other guests, too: those to which a
                                    reload may go back; NULL: none */
} Net;

/* host is borrowed. */
int net_new(Host *host, Net **ret);
/* Frees; undoes nothing. */
Net *net_free(Net *net);
DEFINE_CLEANUP(Net *, net_free)

/* Has the guest IPv6? By configuration, and nothing that it needs is lacking. */
bool net_has_ipv6(const Net *net);
