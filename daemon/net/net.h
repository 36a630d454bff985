/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The network of one guest: its tap, the uplinks, the firewall rules between them, and what the
 * host forwards to it. Its steps are in the other headers of this directory; their table is in
 * daemon/setup/setup.h, and daemon/host/host.h explains what a step is. */

#include <net/if.h>

#include "daemon/base/lock-wait.h"
#include "daemon/host/host.h"
#include "facts/host-facts.h"
#include "host/guard.h"
#include "host/rtnl.h"
#include "nat/plan.h"

/* Features that a guest can do without. */
enum {
        NET_LACKS_MSS,          /* MSS clamping */
        NET_LACKS_IPV6,         /* IPv6, if it is configured */
        NET_LACKS_MAC,          /* a check of the guest's MAC address */
        NET_LACKS_CONNLIMIT,    /* a limit of its connections */
        NET_LACKS_FRESH,        /* a limit of its new TCP connections */
        NET_LACKS_LIST,         /* a list of them, for those that the limit does not count */
        NET_LACKS_REVERSE_PATH, /* the kernel's own check of the guest's addresses */
        NET_LACKS_SOURCE_ROUTE, /* a tap without source routes */
        NET_LACKS_HOLD,         /* a queue for connections to a guest that is not ready */
        NET_LACKS_RECORD,       /* a record of connections that a dying guest does not answer */
        NET_LACKS_CLOSED_TAP,   /* a tap by which the guest cannot reach the host over IPv6 */
        NET_LACKS,
};

/* The backend of the guest's rules. */
typedef struct RulesMaker {
        Nat nat;             /* without a backend until one is chosen */
        RulesBackend wanted; /* the setting it was chosen for … */
        const char *why;     /* the reason for the choice; static */
} RulesMaker;

#define NET_PUBLIC_MAX 64 /* addresses of the uplink; a provider gives a few */

typedef struct PublicAddresses {
        IpAddress list[NET_PUBLIC_MAX];
        size_t n;
} PublicAddresses;

#define NET_LINKS_MAX 8 /* networks that an uplink is in */

typedef struct Links {
        IpPrefix list[NET_LINKS_MAX];
        size_t n;
} Links;

typedef struct Net {
        Host *host; /* borrowed */
        Rtnl *rtnl;

        /* Written by uplink.c, at each search for the uplinks. */
        Uplinks uplinks[NAT_FAMILY_MAX];        /* the most important one first */
        PublicAddresses public[NAT_FAMILY_MAX]; /* their addresses */

        bool waits_for_route; /* rules.c: there was no default route, and so no rules either;
                                 cleared by watch.c when there is one */

        /* bars.c, at each look. */
        Links links[NAT_FAMILY_MAX]; /* the networks that the uplinks are in */
        unsigned connections;        /* that the guest may have; 0 = any number */
        unsigned fresh;              /* of TCP, between two looks (surplus-flows.h); 0 = the same */

        /* addresses.c */
        bool claimed;            /* the guest's network and tap are recorded as its own */
        char *collision;         /* what else on the host uses the network; NULL = nothing */
        usec_t addresses_looked; /* time of the last check for that, CLOCK_MONOTONIC; 0 = due */

        struct Conditions *conditions; /* conditions.c: what all this relies on */

        /* forwards.c */
        char *claimed_ports; /* as the others are told; NULL = nothing */

        /* tap.c; adopt.c restores these three of a guest that runs */
        unsigned mtu;    /* of the tap, 0 = not known yet */
        int tap_index;   /* of the tap that umld created, 0 = none yet */
        uid_t tap_owner; /* its owner */
        int shaped;      /* shape.c: the tap whose bandwidth has been seen to; 0 = none, also when
                            tap.c has removed it */

        /* Written once each, by the file that finds out: the host is not checked for them again,
         * except for the list. */
        char *lacking[NET_LACKS]; /* why the feature is missing, NULL = it is there */

        /* Written by forwarding.c and ipv6.c: by a step, and by its undo. */
        bool forwarding;  /* ip_forward was joined */
        bool forwarding6; /* IPv6 forwarding was joined */

        /* Written by ndp.c */
        Answer answers;    /* for the guest to its uplink's neighbours; unknown = nobody asks */
        int answers_error; /* why it does not */

        /* Written by rules*.c, when the rules are set and when they are removed. */
        bool rules;                            /* they are, or may be, in the tables */
        RulesMaker maker;                      /* the backend, chosen by backend.c */
        Masquerade masquerade[NAT_FAMILY_MAX]; /* the choice: never auto */
        bool open_tap_said;
        unsigned repairs;     /* of rules that another program changed */
        usec_t last_repair;   /* CLOCK_MONOTONIC */
        LockWait lock_wait;   /* for the xtables lock */
        usec_t looked_around; /* rules.c: for what the rules depend on, CLOCK_MONOTONIC */

        /* Written by rules-make.c: while a child sets the rules, the lock is kept, and `maker` is
         * the backend in progress.
         */
        bool under_way;
        int lock_fd;       /* the xtables lock, else -EBADF */
        RulesMaker before; /* the backend of the existing rules */

        /* hold-queue.c: the netfilter queue for connections that wait; 0 = they do not. */
        uint16_t hold_queue;
        usec_t hold_retry; /* when to choose one again; 0 = no reason to */
        Nat hold_nat;      /* hold-rules.c: of the rule in legacy tables */
        bool hold_apart;   /* it is there, because the backend has no queues */
        bool hold_said;    /* what is missing for it has been logged */
        bool hold_made;    /* it may be there */

        /* flows.c, when the rules have changed. */
        NatChains met;       /* the rules that flows have met */
        bool met_known;      /* they were made, or found right */
        struct Flows *flows; /* those that contradict the rules are being looked for; NULL: none */

        unsigned busy; /* number of set-ups and reloads in progress, during which the watch does
                          nothing */

        /* Set by the file that notices the change, cleared by rules-make.c when the rules have been
         * updated.
         */
        bool rules_stale;      /* what they depend on has changed since */
        const char *stale_why; /* static; NULL: a change could not be made at once */
        bool drifted;          /* somebody else has changed them; written by rules-follow.c */
        bool network_moved;    /* the uplink may have changed: to be checked */

        int lock_events; /* rules-follow.c: of the xtables lock; -EBADF: nothing is told */

        Guard guard; /* ports that are never forwarded: updated before each use; requests by ssh add
                        a session */

        /* Set and owned by the guest. */
        struct Proxies *proxies; /* NULL: there will be none */
        struct Hold *hold;       /* NULL: nothing can be held */
        bool stray; /* the rules are still those of the tap before: setup.c, rules-make.c */
        bool moves; /* the next start changes the tap or its addresses: what is held by then must
                       not be on its way to them yet */
        const Config *held; /* the configuration that a reload may be reverted to, whose forwards
                               are reserved as well; NULL: none */
} Net;

/* The first of the uplinks, "" = there is none. */
static inline const char *net_uplink(const Net *net, NatFamily family) {
        return net->uplinks[family].n > 0 ? net->uplinks[family].list[0] : "";
}

/* "venet0 ppp0"; "" = there is none. */
#define UPLINKS_TEXT_MAX (CONFIG_UPLINKS_MAX * IFNAMSIZ)
const char *uplinks_format(const Uplinks *u, char buf[static UPLINKS_TEXT_MAX]);

/* Does the guest have IPv6: is it configured, and is nothing missing for it? */
bool net_has_ipv6(const Net *net);
