/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waits until something is true of a guest, whether its umld is there all the time, comes, goes, or
 * is never seen; shows progress; can be interrupted. */

#include <jansson.h>
#include <signal.h>
#include <systemd/sd-bus.h>

#include "basic/cleanup.h"
#include "umlctl/options.h"
#include "umlctl/progress.h"

typedef struct Waiter Waiter;

/* Looks at w after each change (and a few times each second); > 0: that is the end, and what
 * waiter_run() returns; 0: go on; < 0: an error that ends it. */
typedef int (*WaiterCheck)(Waiter *w, void *userdata);

struct Waiter {
        const char *name; /* borrowed */
        sd_event *event;
        Progress progress;
        WaiterCheck check;
        void *userdata;

        /* What there is to look at */
        json_t *props; /* of the umld that is there, the newest that came */
        bool seen;     /* one was there at some time */
        bool gone;     /* … and its process ended since */
        int error;     /* why the one that is there could not be asked, 0 if it could */
        int signal;    /* the one that interrupted */

        sd_bus *bus;
        pid_t pid;
        int pidfd;
        sd_event_source *tick, *deadline;
        sigset_t saved_mask;
};

/* Its first look is taken as soon as it runs. From here on SIGINT, SIGTERM, SIGHUP and SIGCHLD are
 * blocked, until waiter_free(). */
int waiter_new(const char *name, const Options *options, WaiterCheck check, void *userdata,
               Waiter **ret);

/* Takes over a connection that the caller has already, also on failure. */
int waiter_adopt(Waiter *w, sd_bus *bus, pid_t pid);

/* Whatever check returned; -ETIMEDOUT: --timeout passed; -EINTR: interrupted, w->signal says how.
 */
int waiter_run(Waiter *w);

/* Looks again at once; for event handlers of the caller's own. */
void waiter_kick(Waiter *w);

Waiter *waiter_free(Waiter *w);
DEFINE_CLEANUP(Waiter *, waiter_free)

/* The state of the guest now; negative while no umld tells. */
GuestState waiter_state(const Waiter *w);
