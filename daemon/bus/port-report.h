/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Does a port of the host reach a service in the guest for strangers, and if not, why? Follows the
 * way of their packets, and turns observations into sentences for people; pure. What was not tried
 * and cannot be known never works. */

#include "basic/cleanup.h"
#include "basic/forward.h"
#include "basic/ip-address.h"
#include "basic/time-util.h"
#include "facts/conditions.h"
#include "host/listeners.h"
#include "nat/port-flows.h"
#include "nat/trip.h"

/* The result of a test connection. */
typedef struct PortCall {
        bool made;
        int error; /* as from port_probe_new() */
        bool own;  /* the host itself stopped it, so that it says nothing about the guest */
        usec_t took;
} PortCall;

typedef struct PortFacts {
        Forward port;      /* of the host: one port of one protocol, and optionally of one family */
        const char *state; /* state of the guest if it is not running, or NULL */
        const char *key;   /* "Forward" or "Proxy", NULL: in neither */
        Forward leads;     /* the entry that includes the port */
        uint16_t guest_port;
        const char *guarded; /* why it is, or NULL */
        bool host_listens;
        Owner host_listener;     /* pid 0: not visible */
        IpAddress guest, public; /* public any: there is none */

        /* The way of a stranger's packet from the uplink. */
        const ConditionList *conditions;
        const char *tap;
        Answer looked;       /* at the rules of others, for this port: */
        Obstacles obstacles; /* those that drop it */
        Taking taking;       /* or take it elsewhere */
        Answer flows_known;  /* the tracked connections to the port: */
        PortFlows flows;

        bool rules_known, rules_right;
        bool packets_known;
        uint64_t packets, packets_after; /* of the rule, before and after `through` */

        PortCall direct;  /* from the host to the guest's port */
        PortCall network; /* to a port where nothing listens: does the guest answer at all? */
        PortCall through; /* from the host to its public address */
} PortFacts;

typedef enum PortAnswer {
        PORT_NO,
        PORT_YES,
        PORT_UNKNOWN,
        PORT_ANSWER_MAX,
} PortAnswer;

typedef struct PortCheck {
        const char *name;
        PortAnswer answer; /* is it as it should be? */
        char *text;
} PortCheck;

enum {
        PORT_CHECKS = 15,
};

typedef struct PortReport {
        PortAnswer works; /* for a stranger */
        char *verdict;
        PortCheck checks[PORT_CHECKS];
} PortReport;

int port_report(const PortFacts *facts, PortReport *ret);
void port_report_done(PortReport *r);
