/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is known about the host as far as a guest's packets meet it: plain data, which the daemon's
 * readers fill in, and from which conditions.h and others judge. */

#include <net/if.h>

#include "nat/obstacle.h"

/* Zero means not checked yet. */
typedef enum Answer {
        ANSWER_UNKNOWN,
        ANSWER_NO,
        ANSWER_YES,
} Answer;

static inline Answer answer_of(bool yes) {
        return yes ? ANSWER_YES : ANSWER_NO;
}

typedef struct LinkFacts {
        char name[IFNAMSIZ];
        Answer exists, up, carrier;
        /* Of an uplink: it has addresses of global scope, and its reverse path filter is strict. */
        Answer addresses, strict;
} LinkFacts;

#define UPLINKS_MAX 8

/* Of one family. */
typedef struct SideFacts {
        bool used; /* the guest has addresses of this family */
        LinkFacts uplinks[UPLINKS_MAX];
        size_t n_uplinks;
        const char *named_by; /* the setting; NULL: they were found by the host's routes */
        /* The interfaces by which packets to the Internet leave, by whichever table or rule. */
        Answer has_ways;
        char ways[UPLINKS_MAX][IFNAMSIZ];
        size_t n_ways;
        Answer forwarding;       /* ip_forward, or that of IPv6 */
        IpAddress snat_address;  /* by SNATAddress=; any = none */
        Answer has_snat_address; /* the host */
        /* What drops its packets, and whether that was checked. */
        Answer looked_nft, looked_legacy;
        Obstacles nft, legacy;
} SideFacts;

typedef struct HostFacts {
        LinkFacts tap;
        SideFacts side[NAT_FAMILY_MAX];
        /* To its uplink's neighbours for the guest's IPv6 address; unknown = nobody asks. */
        Answer answers;
        int answers_error; /* why the host does not */
        IpAddress answers_for;
        Answer rules;          /* ours are in the tables as planned */
        const char *collision; /* what else uses the guest's network, and how; NULL = nothing */
        bool network_chosen;   /* by umld, instead of by HostAddress= */
        const char *forwards;  /* warnings about forwards: one sentence per line, or NULL */
        /* Of the host, for its guests' memory and disks: is there enough, and if not, how it is. */
        Answer memory, space;
        const char *memory_why, *space_why;
        bool memory_short, space_full;
        Answer local;        /* umld's own directories are on file systems without a server */
        const char *distant; /* those that are not */
        uint64_t tracked, tracked_max; /* connections in conntrack's table; 0 = not known */
} HostFacts;
