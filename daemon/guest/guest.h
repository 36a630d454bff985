/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest: its state, what is wanted of it, and the doing of what the state table says. */

#include <systemd/sd-event.h>

#include "api/guest-state.h"
#include "api/last-exit.h"
#include "conf/config.h"
#include "daemon/base/restart-policy.h"
#include "daemon/boot/process.h"
#include "daemon/console/console.h"
#include "daemon/guest/fallback.h"
#include "daemon/guest/fsm.h"
#include "daemon/host/disk-check.h"
#include "daemon/net/proxy.h"
#include "daemon/net/watch.h"
#include "daemon/setup/setup.h"
#include "daemon/watch/cpu.h"
#include "daemon/watch/disk-sync.h"
#include "daemon/watch/health.h"
#include "daemon/watch/memory.h"
#include "daemon/watch/probe.h"
#include "daemon/watch/space.h"

typedef struct GuestListener {
        void (*state_changed)(GuestState from, GuestState to, const char *why, void *userdata);
        void (*finished)(GuestState state, Verdict verdict, void *userdata); /* umld may end now */
        MemoryPressureChanged memory_pressure;
        void *userdata;
} GuestListener;

typedef struct Trial Trial; /* reload.c */

typedef struct Guest {
        sd_event *event;
        GuestListener listener;
        Config *config;
        Config *next_config; /* after a reload: taken at the next start */
        Trial *trial;        /* a reload that waits to be confirmed */
        bool taken_back;     /* NAME.conf was tried and not confirmed: it is not in force */
        Setup *setup;
        NetWatch *net_watch;
        Proxies *proxies;
        Console *console;
        GuestProcess *process;
        GuestMemory *memory;
        HealthWatch *health; /* while the kernel can be asked */
        ProbeSet *probes;    /* while the guest is ready */
        DiskSync *disk_sync;
        CpuWatch *cpu;                /* while it keeps to one */
        DiskCheck *disk_check;        /* while a file system is mended before a start */
        SpaceWatch *space;            /* while the kernel runs and may */
        sd_event_source *timer, *due; /* of these one is armed at most */

        GuestState state;
        GuestWanted wanted;
        Moment since;      /* of the state */
        char *why;         /* … and the sentence that goes with it */
        Moment next_start; /* in back-off; else never */
        char *init;        /* path of umld-init */
        Launched standby;  /* the umld-init of the next start, made as soon as the guest is ready */
        Strv standby_argv, standby_environment; /* … what it was made for */
        ino_t standby_mount_ns;                 /* … and in; 0 = ours */
        sd_event_source *verify;                /* looks at the host behind a restart */
        sd_event_source *settle;                /* … and this at umld itself, when all is calm */
        Fault fault;           /* what that look found to be past mending: the end of this boot */
        bool announced;        /* it was ready at least once */
        bool guest_said_ready; /* READY=1 from the guest, maybe before the boot's own notification
                                */

        int asked;         /* GuestAsked of this boot */
        char *hung_why;    /* ASKED_KILL_HUNG: what it did not do */
        size_t stop_step;  /* index of the stop's step in force */
        usec_t stop_began; /* CLOCK_MONOTONIC */
        usec_t stop_due;   /* … of the next step */
        usec_t patience;   /* that the timer was set to */
        DeathHistory history;
        FallbackHistory boots;
        char *fallback_why; /* in the fallback: since when */
        unsigned restarts;
        usec_t decided_delay; /* of the restart that was decided last */
        LastExit last_exit;
        char *crash; /* report of the last one, not written yet */
} Guest;

/* Takes ownership of config. runtime is RUNTIME. What a killed predecessor left on the host is
 * undone here. */
int guest_new(sd_event *event, Config *config, const char *runtime, const GuestListener *listener,
              Guest **ret);
Guest *guest_free(Guest *g);
DEFINE_CLEANUP(Guest *, guest_free)

/* Orders. 1 = taken, 0 = nothing to do in this state. */
int guest_start(Guest *g);
int guest_stop(Guest *g);
int guest_restart(Guest *g);
int guest_kill(Guest *g);

/* Takes ownership of config. Forwards and the like change at once, the rest at the guest's next
 * start. *ret_later: comma-separated keys that wait for that (the caller's to free(), NULL = none).
 *
 * confirm > 0: all of it is taken back that long from now unless guest_confirm() comes first. Until
 * then a reload without confirm is refused with -EBUSY, and another one with it is tried in the
 * place of the first: what was confirmed last is what it goes back to. */
int guest_reload(Guest *g, Config *config, usec_t confirm, char **ret_later, Fault *fault);

/* Keeps what the last reload changed. -ENOENT: there is nothing to be confirmed. */
int guest_confirm(Guest *g, Fault *fault);

/* When it will be taken back, CLOCK_REALTIME; 0: nothing waits to be confirmed. */
usec_t guest_confirm_until(const Guest *g);

/* Guards the port of an SSH_CONNECTION from now on. -EINVAL: it is none. */
int guest_guard_session(Guest *g, const char *ssh_connection, Fault *fault);

/* How it is now. */
GuestHealth guest_health(const Guest *g);
