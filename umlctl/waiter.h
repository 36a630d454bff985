/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waits until a condition is true for a guest, no matter whether its umld is running, starts, ends
 * or never appears; shows progress; can be interrupted. */

#include <jansson.h>
#include <signal.h>
#include <systemd/sd-bus.h>

#include "basic/cleanup.h"
#include "umlctl/options.h"
#include "umlctl/progress.h"

typedef struct Waiter Waiter;

/* Checks the condition after each change (and a few times per second); > 0: waiting is over, and
 * waiter_run() returns this; 0: keep waiting; < 0: an error that ends it. */
typedef int (*WaiterCheck)(Waiter *w, void *userdata);

struct Waiter {
        const char *name; /* borrowed */
        sd_event *event;
        Progress progress;
        WaiterCheck check;
        void *userdata;

        /* What the check may look at */
        json_t *props; /* the newest properties of the running umld */
        bool seen;     /* an umld has been seen */
        bool gone;     /* its process has ended since */
        int error;     /* why the running umld could not be queried, 0 if it could */
        int signal;    /* the signal that interrupted waiting */

        sd_bus *bus;
        pid_t pid;
        int pidfd;
        sd_event_source *tick, *deadline;
        sigset_t saved_mask;
};

/* The first check is done as soon as it runs. From here on SIGINT, SIGTERM, SIGHUP and SIGCHLD are
 * blocked, until waiter_free(). */
int waiter_new(const char *name, const Options *options, WaiterCheck check, void *userdata,
               Waiter **ret);

/* Takes over an existing connection of the caller, also on failure. */
int waiter_adopt(Waiter *w, sd_bus *bus, pid_t pid);

/* Returns what check returned; -ETIMEDOUT: --timeout expired; -EINTR: interrupted by w->signal. */
int waiter_run(Waiter *w);

/* Checks again at once; for the caller's own event handlers. */
void waiter_kick(Waiter *w);

Waiter *waiter_free(Waiter *w);
DEFINE_CLEANUP(Waiter *, waiter_free)

/* The guest's current state; negative while no umld is running. */
GuestState waiter_state(const Waiter *w);
