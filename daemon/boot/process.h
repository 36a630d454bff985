/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One boot of a guest's kernel: its processes, its management console, and how it ended. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"
#include "host/launch.h"

typedef struct GuestProcess GuestProcess;

typedef struct GuestProcessListener {
        void (*started)(void *userdata); /* its kernel is about to be executed */
        void (*booted)(void *userdata);  /* the management console answers */
        void (*message)(const char *text,
                        void *userdata); /* from /proc/mconsole: written by the guest, escaped */
        void (*answer)(const char *text,
                       void *userdata); /* reply to the last command: from the guest, escaped */
        void (*dying)(void *userdata);  /* it has panicked, or its main process has ended */
        void (*ended)(void *userdata);  /* no process of the guest is left */
        void *userdata;
} GuestProcessListener;

/* Paths that are the same for it and for us. */
typedef struct GuestSockets {
        const char *notify;  /* where the kernel sends its notifications */
        const char *clients; /* the directory for the names of our ends of its console */
        const char *uml_dir; /* the only directory where its console's socket may be */
} GuestSockets;

/* Starts the kernel with these descriptors for its standard output and its console. standby: an
 * umld-init that was prepared for the same launch and is used if it is still alive, or one with
 * init = 0. */
int guest_process_start(sd_event *event, const Launch *launch, Launched *standby, int output_fd,
                        int terminal_fd, const GuestSockets *sockets,
                        const GuestProcessListener *listener, GuestProcess **ret);

/* Kills every process of it that is left, and frees it. */
GuestProcess *guest_process_free(GuestProcess *p);
DEFINE_CLEANUP(GuestProcess *, guest_process_free)

/* Takes over one that our predecessor has started; the connection to its store, too. */
int guest_process_adopt(sd_event *event, Adoption *a, const GuestSockets *sockets, uid_t uid,
                        const GuestProcessListener *listener, GuestProcess **ret);
/* What our successor needs for that. */
int guest_process_save(const GuestProcess *p, const SavedText *t, Keeper *k);
/* Which umld-init it is that our successor finds. */
int launched_save(const Launched *l, const SavedText *t);

/* Sends a command to the management console, without waiting for a reply. -ENOTCONN: not booted
 * yet. */
int guest_process_command(GuestProcess *p, const char *command);

/* Opens another client of the management console, which the caller closes: replies to it are sent
 * to nobody else. -ENOTCONN: not booted yet. */
int guest_process_mconsole(GuestProcess *p);

/* Sends a signal to the kernel's main process. */
int guest_process_signal(GuestProcess *p, int sig);

/* Kills all of its processes; listener.ended follows. */
void guest_process_kill(GuestProcess *p);

/* What is known about it. */
pid_t guest_process_pid(const GuestProcess *p); /* main process, 0 = not running (yet) */
bool guest_process_booted(const GuestProcess *p);
usec_t guest_process_started(const GuestProcess *p); /* CLOCK_MONOTONIC, of the exec */
usec_t guest_process_started_realtime(const GuestProcess *p);
bool guest_process_status(const GuestProcess *p,
                          int *ret); /* the wait status, if it was reported */
const char *
guest_process_panic(const GuestProcess *p); /* text of a PANIC notification, escaped, or NULL */
const char *guest_process_failure(const GuestProcess *p,
                                  int *ret_errno); /* step before exec that failed, or NULL */
/* The layer of confinement without which it must not run, and which the host refuses, with the
 * errno of that failure; or NULL. */
const char *guest_process_refused(const GuestProcess *p);
const Launched *guest_process_containment(const GuestProcess *p);
/* Of a layer that umld-init applies: 0, or why the host refuses it. */
int guest_process_layer(const GuestProcess *p, ConfineLayer layer);
