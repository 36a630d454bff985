/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tries a port of the guest again and again, until a service there accepts a connection. */

#include <systemd/sd-event.h>

#include "basic/ip-address.h"

/* At most so many tries are waited for at a time: a packet that was sent before the guest's network
 * was up is lost, and one that a busy guest answers late is not. */
#define HOLD_TRIES 8

typedef struct HoldPort HoldPort;

typedef struct HoldTry {
        HoldPort *port;
        int fd; /* < 0: none is being waited for */
        sd_event_source *io;
} HoldTry;

struct HoldPort {
        int family;    /* AF_INET, AF_INET6; 0 = the slot is free */
        uint16_t port; /* TCP */
        unsigned held; /* connections that wait for it */
        bool open;     /* it has accepted one */
        bool unasked;  /* the host itself refuses to try it */
        HoldTry tries[HOLD_TRIES];
        unsigned next; /* the oldest of them */
        void (*opened)(void *userdata);
        void *userdata;
};

/* Once more, instead of the oldest of HOLD_TRIES. */
void hold_port_try(HoldPort *p, sd_event *event, const IpAddress *guest);
void hold_port_cancel(HoldPort *p);
