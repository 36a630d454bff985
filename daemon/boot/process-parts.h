/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files of GuestProcess only. process.c writes everything; process-adopt.c restores,
 * before anything else, what the kernel of a predecessor is known by: its descriptors, pid, start,
 * `booted` and layer_errors. */

#include "daemon/boot/init-end.h"
#include "daemon/boot/process.h"
#include "host/init-protocol.h"

struct GuestProcess {
        GuestProcessListener listener;
        Launched launched;
        InitEnd *init_end;
        sd_event_source *status_source, *notify_source, *mconsole_source;
        int notify_fd;
        int mterminal_fd;
        uid_t uid;
        char *uml_dir;
        char *clients; /* where our ends of its management console have names */
        char *mconsole_path;
        char *wanted_path;        /* the path that it announced, until we are connected */
        sd_event_source *retry;   /* its client connection */
        sd_event_source *orphans; /* checks whether they are gone */
        usec_t orphans_until;     /* how long to check; CLOCK_MONOTONIC */

        pid_t pid;
        usec_t started;
        Moment start; /* the same for people */
        bool booted, have_status, ended;
        int status;
        char *panic;
        int layer_errors[CONFINE_MAX]; /* of those that umld-init could not apply */
        InitMessage failure;
        bool failed;
        unsigned messages;
};

/* process.c: one that has nothing yet. */
GuestProcess *guest_process_new(const GuestSockets *sockets, uid_t uid,
                                const GuestProcessListener *listener);
/* process.c: waits for its messages and for its end. */
int guest_process_watch(sd_event *event, GuestProcess *p);
/* process.c: connects to its management console at that path, which is copied. */
int guest_process_connect(GuestProcess *p, const char *path, size_t size);
