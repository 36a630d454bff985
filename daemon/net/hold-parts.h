/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files of Hold only. */

#include "daemon/net/hold-list.h"
#include "daemon/net/hold-record.h"
#include "daemon/net/hold.h"
#include "host/nfqueue.h"

enum {
        RESTS_MAX = 64,
};

/* A packet of a connection that died with the guest. */
typedef struct Rest {
        uint32_t id;
        uint64_t flow; /* hash of its ends */
        int family;
        uint16_t port; /* of the guest */
} Rest;

struct Hold {
        sd_event *event;
        Net *net;
        NfQueue *queue;
        sd_event_source *io, *tick;
        HoldPhase phase;
        bool bound;
        bool wanted;           /* what comes when the guest ends is of interest */
        bool overdue;          /* the guest has been leaving for longer than anybody waits */
        bool lost;             /* somebody else was bound to the queue when it was needed */
        int error;             /* of the last attempt to bind: said once */
        usec_t entered;        /* the phase */
        HeldList held;         /* while bound */
        Rest rests[RESTS_MAX]; /* while bound: one of each connection */
        size_t n_rests;
        HoldPorts ports;
        HoldRecord *record;
        uint64_t total, dropped;
        unsigned outage, outage_dropped; /* of this outage */
        usec_t longest;
};

/* hold.c: a packet has come. */
void hold_packet(const NfPacket *p, void *userdata);
/* hold-rest.c: a packet of a connection that died with the guest has come. */
void hold_rest(Hold *h, const NfPacket *p);
/* Finds out whether the guest can answer it. There is one. */
void hold_try_for_rests(Hold *h);
/* Accepts or drops all of them. */
void hold_end_rests(Hold *h, bool accept);
/* Makes the queue's socket, if there is none, and its event source, which is off. */
int hold_open_queue(Hold *h);
