/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's connection tracking, through libnetfilter_conntrack. What netfilter has once decided
 * for a flow is kept there, and is not asked again of rules that have changed since. */

#include "basic/cleanup.h"
#include "basic/ip-address.h"

typedef struct ConntrackEnd {
        IpAddress address;
        uint16_t port; /* 0 for protocols without ports */
} ConntrackEnd;

/* A flow as its first packet had it and, after all translation, as its answers have it: without any
 * they come from `to` and go to `from`. */
typedef struct ConntrackFlow {
        int family; /* AF_INET, AF_INET6 */
        uint8_t protocol;
        ConntrackEnd from, to, reply_from, reply_to;
        bool replied;     /* an answer was seen */
        bool assured;     /* both ends talk: of TCP, the handshake was completed once */
        bool established; /* by TCP's handshake */
        bool open;        /* the same, until one end has closed it and the other one agreed */
        bool over;        /* both ends have closed it, or one has reset it */
} ConntrackFlow;

/* How many entries the host's table has, open and closed ones of all families: read at once,
 * however many there are. -EOPNOTSUPP: this kernel, or this container, does not tell. */
int conntrack_count(unsigned *ret);

/* One pass over all flows. */
typedef struct ConntrackDump ConntrackDump;

/* family: whose flows are shown; AF_UNSPEC: both. Either takes as long, for the pass is over all of
 * them. -EOPNOTSUPP: this kernel, or this container, does not show them. */
int conntrack_dump_new(int family, ConntrackDump **ret);
ConntrackDump *conntrack_dump_free(ConntrackDump *d);
DEFINE_CLEANUP(ConntrackDump *, conntrack_dump_free)

/* Shall the host forget it? */
typedef bool (*ConntrackFn)(const ConntrackFlow *flow, void *userdata);

/* Takes the next part, some hundred flows, and never waits: 1 = there is more, 0 = that was all,
 * -EAGAIN: nothing is there now, but conntrack_dump_fd() will be readable. */
int conntrack_dump_step(ConntrackDump *d, ConntrackFn fn, void *userdata);
int conntrack_dump_fd(const ConntrackDump *d);
unsigned conntrack_dump_forgotten(const ConntrackDump *d);

/* Looks for the flow of that protocol between these ends: -ENOENT, there is none. */
int conntrack_find(uint8_t protocol, const ConntrackEnd *from, const ConntrackEnd *to,
                   ConntrackFlow *ret);
