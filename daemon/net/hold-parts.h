/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files of Hold only. */

#include "daemon/net/hold-list.h"
#include "daemon/net/hold-record.h"
#include "daemon/net/hold.h"
#include "host/nfqueue.h"

struct Hold {
        sd_event *event;
        Net *net;
        NfQueue *queue;
        sd_event_source *io, *tick;
        HoldPhase phase;
        bool bound;
        bool wanted;    /* what comes when the guest ends is of interest */
        bool overdue;   /* the guest has been leaving for longer than anybody waits */
        bool lost;      /* somebody else was bound to the queue when it was needed */
        int error;      /* of the last attempt to bind: said once */
        usec_t entered; /* the phase */
        HeldList held;  /* while bound */
        HoldPorts ports;
        HoldRecord *record;
        uint64_t total, dropped;
        unsigned outage, outage_dropped; /* of this outage */
        usec_t longest;
};

/* hold.c: a packet has come. */
void hold_packet(const NfPacket *p, void *userdata);
/* Makes the queue's socket, if there is none, and its event source, which is off. */
int hold_open_queue(Hold *h);
