/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One boot of a guest's kernel: its processes, its management console, and what is seen of its end.
 */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "host/launch.h"

typedef struct GuestProcess GuestProcess;

typedef struct GuestProcessListener {
        void (*booted)(void *userdata); /* the management console answers */
        void (*message)(const char *text,
                        void *userdata); /* from /proc/mconsole: guest-made, escaped */
        void (*answer)(const char *text,
                       void *userdata); /* of the last command: guest-made, escaped */
        void (*ended)(void *userdata);  /* no process of the guest is left */
        void *userdata;
} GuestProcessListener;

/* Starts the kernel as told, with these descriptors for its standard output and its console.
 * standby: an umld-init that was prepared for the same launch, taken over if it still lives, or one
 * with init = 0. notify_path: where it sends its notifications; uml_dir: where alone its console's
 * socket may lie. */
int guest_process_start(sd_event *event, const Launch *launch, Launched *standby, int output_fd,
                        int terminal_fd, const char *notify_path, const char *uml_dir,
                        const GuestProcessListener *listener, GuestProcess **ret);

/* Ends every process of it that is left, and frees. */
GuestProcess *guest_process_free(GuestProcess *p);

/* Sends one command to the management console, without waiting for an answer. -ENOTCONN: not booted
 * yet. */
int guest_process_command(GuestProcess *p, const char *command);

/* A client of the management console of its own, for the caller to close: answers to what is sent
 * there come to nobody else. -ENOTCONN: not booted yet. */
int guest_process_mconsole(GuestProcess *p);

/* Sends a signal to the kernel's main process. */
int guest_process_signal(GuestProcess *p, int sig);

/* Ends all of its processes at once; listener.ended follows. */
void guest_process_kill(GuestProcess *p);

/* What is known of it. */
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
const Launched *guest_process_containment(const GuestProcess *p);
