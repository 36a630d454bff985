/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ports of the guest that connections wait for: each is tried again and again, until a service
 * there accepts a connection or, if Probe=http/… names a page there, sends that page. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "daemon/base/probe-http.h"
#include "daemon/net/net.h"

enum {
        HOLD_PORTS_MAX = 32, /* tried at a time */
        /* Of one port at most so many tries are waited for at a time: a packet that was sent before
         * the guest's network was up is lost, and one that a busy guest answers late is not. */
        HOLD_TRIES = 16,
};

typedef struct HoldPort HoldPort;
typedef struct HoldPorts HoldPorts;

typedef struct HoldTry {
        HoldPort *port;
        int fd; /* < 0: none is being waited for */
        sd_event_source *io;
        usec_t begun; /* CLOCK_MONOTONIC, as are the next */
        usec_t asked; /* a web server has been asked then; 0 = not */
        usec_t ended; /* it was accepted, and umld has closed its end then; 0 = not */
        bool behind;  /* those that were released before are in the service's backlog before it */
        char answer[PROBE_ANSWER_MAX];
        size_t size; /* of the answer */
} HoldTry;

struct HoldPort {
        HoldPorts *all;
        int family;      /* AF_INET, AF_INET6; 0 = the slot is free */
        uint16_t port;   /* TCP */
        unsigned held;   /* connections that wait for it */
        bool refused;    /* nobody listens there, but the guest's kernel answers */
        bool open;       /* it has accepted one, and sent the page */
        unsigned credit; /* so many more may be released until its service has got to a try behind
                            them: then its backlog is empty again */
        bool answers;    /* its service is known to close a connection that its client closes */
        bool silent;     /* or not to do so: that it accepts another one has to be enough */
        bool unasked;    /* the host itself refuses to try it */
        HoldTry tries[HOLD_TRIES];
        unsigned next; /* the oldest of them */
};

struct HoldPorts {
        HoldPort list[HOLD_PORTS_MAX];
        sd_event *event; /* borrowed, as is the next */
        const Net *net;
        void (*opened)(void *userdata); /* one of them has accepted a connection */
        void *userdata;
};

/* NULL: it is not among them. */
HoldPort *hold_port_find(HoldPorts *all, int family, uint16_t port);
/* Takes it in, in the place of one that nothing waits for. NULL: there is none. */
HoldPort *hold_port_want(HoldPorts *all, int family, uint16_t port);
/* Is there no place for another one? */
bool hold_ports_full(HoldPorts *all);

/* Once more, instead of the oldest of HOLD_TRIES. */
void hold_port_try(HoldPort *p);
/* All that connections wait for, and that have to accept one first. */
void hold_ports_try(HoldPorts *all);
/* None of them is open any more. */
void hold_ports_forget(HoldPorts *all);
