/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by proxy.c, which writes everything, and proxy-adopt.c, which restores the relay of each
 * port that a predecessor has left: `launched`, `start`, `foreign`, `pid` and `started`, and then
 * the phase. */

#include "conf/config.h"
#include "daemon/base/restart-policy.h"
#include "daemon/net/proxy.h"
#include "host/launch.h"

typedef struct Proxy {
        Proxies *all;
        Forward port;             /* of one port */
        int fd;                   /* where it listens */
        sd_event_source *waiting; /* a client is waiting there, and no relay is running */
        sd_event_source *pause;   /* delay before the next attempt */
        usec_t again;             /* CLOCK_MONOTONIC, the end of that delay */

        Launched launched; /* the relay; init = 0: none is running */
        uint64_t start;    /* of its umld-init, as process_start_time() */
        bool foreign;      /* it is the child of an umld that has died, and reaped by others */
        sd_event_source *status;
        pid_t pid;
        usec_t started; /* CLOCK_MONOTONIC */
        DeathHistory history;
} Proxy;

struct Proxies {
        sd_event *event;
        const char *init;
        bool pid_namespaces;
        ProxyPhase phase;
        struct in_addr guest;
        Proxy **ports, **next; /* those to come: proxies_prepare() */
        size_t n, n_next;

        void (*changed)(bool now, void *userdata);
        void *userdata;

        struct {
                pid_t init;
                uint64_t start;
        } ending[CONFIG_PROXIES_MAX]; /* foreign ones that were killed, and may still be there */
        size_t n_ending;
};

/* The port with that socket, which it owns from now on, also on failure. */
int proxy_open(Proxies *all, const Forward *port, int fd, Proxy **ret);
Proxy *proxy_free(Proxy *p);
DEFINE_CLEANUP(Proxy *, proxy_free)

/* Reads what its umld-init says, from now on. */
int proxy_follow(Proxy *p);
