/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest: its state, what is wanted of it, and the actions of the state table. */

#include <systemd/sd-event.h>

#include "api/guest-state.h"
#include "api/last-exit.h"
#include "conf/config.h"
#include "daemon/base/restart-policy.h"
#include "daemon/base/retry.h"
#include "daemon/boot/process.h"
#include "daemon/console/console.h"
#include "daemon/guest/fallback.h"
#include "daemon/guest/fsm.h"
#include "daemon/guest/verdict.h"
#include "daemon/host/disk-check.h"
#include "daemon/net/conditions.h"
#include "daemon/net/proxy.h"
#include "daemon/net/watch.h"
#include "daemon/setup/run.h"
#include "daemon/watch/cpu.h"
#include "daemon/watch/disk-sync.h"
#include "daemon/watch/facts.h"
#include "daemon/watch/health.h"
#include "daemon/watch/init.h"
#include "daemon/watch/memory.h"
#include "daemon/watch/probe.h"
#include "daemon/watch/space.h"

typedef struct GuestListener {
        void (*state_changed)(GuestState from, GuestState to, const char *why, void *userdata);
        void (*finished)(GuestState state, Verdict verdict, void *userdata); /* umld may end now */
        MemoryPressureChanged memory_pressure;
        ConditionChanged condition;
        void *userdata;
} GuestListener;

/* How far a boot has come. What is begun and ended on the way is in the table of watch.c. */
typedef enum BootPhase {
        BOOT_LAUNCHED, /* its kernel was started */
        BOOT_ANSWERS,  /* the kernel has booted: it can be asked on its management console */
        BOOT_READY,    /* the guest is ready */
        BOOT_STOPPING, /* it shall shut down */
        BOOT_KILLED,   /* it was sent a signal that it does not survive */
        BOOT_OVER,     /* it has ended; the host is kept for the next one */
        BOOT_GONE,     /* nothing is left to be kept */
} BootPhase;

/* The last boot. prepare.c takes what was learned of it back before the next one. */
typedef struct Boot {
        BootPhase phase;       /* watch.c: guest_enter() */
        GuestProcess *process; /* from launch.c until boot.c has seen its end; NULL: none runs */
        bool said_ready; /* boot.c: READY=1 came, maybe before the kernel's own notification */
        Fault fault; /* watch.c: what the look at the host behind the start found past repair, and
                        why this boot ends */
} Boot;

/* What is there for a part of a boot; all is watch.c's, and NULL before and after. */
typedef struct Watches {
        InitWatch *init;
        HealthWatch *health;
        ProbeSet *probes;
        SpaceWatch *space;
        CpuWatch *cpu;
        FactsWatch *facts;
        sd_event_source *verify; /* looks at the host behind a start */
        sd_event_source *settle; /* checks umld itself, when everything is calm */
} Watches;

/* How umld ends the boot. Reset by prepare.c. */
typedef struct Stop {
        GuestAsked asked; /* by stop.c, when it was asked for */
        char *why;        /* by watch.c and guest.c: what the guest did not do, where that is why */
        size_t step;      /* by stop.c at each step: index of the one in force */
        usec_t began; /* when that step began, CLOCK_MONOTONIC; timer.c moves both if the host stood
                         still */
        usec_t due;   /* when the next step is due */
} Stop;

/* The umld-init of the next start, made as soon as the guest is ready. All is launch.c's. */
typedef struct Standby {
        Launched launched;
        Strv argv, environment; /* what it was made for */
        ino_t mount_ns;         /* the mount namespace it was made in; 0 = ours */
} Standby;

/* The time that the current state has. All is timer.c's. */
typedef struct GuestTimer {
        sd_event_source *later, *now; /* one of them is armed at most */
        usec_t patience;              /* that it was set to */
} GuestTimer;

/* What the start or the stop that is under way was seen to wait for. All is waiting.c's. */
typedef struct Waiting {
        sd_event_source *look;
        char *told; /* to the service manager, in this state */
} Waiting;

typedef struct Trial Trial; /* reload.c */

typedef struct ReloadRequest ReloadRequest; /* reload.c */

/* A configuration other than the one in force. All is reload.c's, but that prepare.c takes next. */
typedef struct Reload {
        Config *next;           /* taken at the next start */
        Trial *trial;           /* it waits to be confirmed */
        bool taken_back;        /* NAME.conf was tried and not confirmed: it is not in force */
        ReloadRequest *request; /* a reload that is not done yet */
        Retry *retry;           /* retries it, because it waits for something */
} Reload;

/* What is known of all boots so far. */
typedef struct Past {
        bool announced;        /* guest.c: it was ready at least once */
        unsigned restarts;     /* guest.c: those that nobody had ordered */
        DeathHistory deaths;   /* end.c, at each end */
        usec_t delay;          /* end.c: of the restart that was decided last */
        FallbackHistory boots; /* profile.c, at each end; orders reset it */
        char *fallback_why;    /* profile.c: since when it is in the fallback */
        LastExit last_exit;    /* boot.c and prepare.c, at each end; guest.c writes its file */
        char *crash;           /* crash.c: the report of the last one, not written yet */
} Past;

typedef struct Guest {
        /* life.c, for as long as the guest is managed. */
        sd_event *event;
        GuestListener listener;
        void (*act)(struct Guest *g, GuestAction action); /* guest.c: does what a state needs */
        char *init;                                       /* path of umld-init */
        Setup *setup;
        SetupRun *run; /* through its steps */
        NetWatch *net_watch;
        Proxies *proxies;
        Console *console;
        GuestMemory *memory;
        DiskSync *disk_sync;

        Config *config; /* in force: changed by reload.c, replaced by prepare.c before a start */

        GuestState state; /* state.c, with the two below */
        Moment since;     /* of the state */
        char *why;        /* the sentence that goes with the state */
        char *end_why; /* the sentence for the last state, while the host is being undone before it;
                        */
        GuestEvent end_event;  /* guest.c: what is to follow then */
        GuestWanted wanted;    /* guest.c, at each order */
        Moment next_start;     /* guest.c, in back-off; else never */
        DiskCheck *disk_check; /* prepare.c, while a file system is repaired before a start */

        GuestTimer timer;
        Waiting waiting;
        Standby standby;
        Boot boot;
        Watches watch;
        Stop stop;
        Reload reload;
        Past past;
} Guest;

/* Takes ownership of config. runtime is RUNTIME. What a killed predecessor left on the host is
 * undone here. */
int guest_new(sd_event *event, Config *config, const char *runtime, const GuestListener *listener,
              Guest **ret);
Guest *guest_free(Guest *g);
DEFINE_CLEANUP(Guest *, guest_free)

/* Requests. 1 = accepted, 0 = nothing to do in this state. */
int guest_start(Guest *g);
int guest_stop(Guest *g);
int guest_restart(Guest *g);
int guest_kill(Guest *g);

/* Takes ownership of config. Forwards and the like change at once, the rest at the guest's next
 * start. done is called once, maybe before this returns: with what the guest's next start is waited
 * for with (comma-separated keys, NULL = none), or with why it was not done (r < 0), when all is as
 * it was, or text says what is not. One at a time.
 *
 * confirm > 0: everything is reverted after that time unless guest_confirm() is called first. Until
 * then a reload without confirm is refused with -EBUSY, and another one with it is tried in the
 * place of the first: what was confirmed last is what it goes back to. */
typedef void (*GuestReloaded)(int r, const char *text, void *userdata);
void guest_reload(Guest *g, Config *config, usec_t confirm, GuestReloaded done, void *userdata);

/* Keeps what the last reload changed. -ENOENT: there is nothing to confirm. */
int guest_confirm(Guest *g, Fault *fault);

/* When it will be reverted, CLOCK_REALTIME; 0: nothing is unconfirmed. */
usec_t guest_confirm_until(const Guest *g);

/* Guards the port of an SSH_CONNECTION from now on. -EINVAL: malformed. */
int guest_guard_session(Guest *g, const char *ssh_connection, Fault *fault);

/* What it cannot go on without, such as a lock that somebody has; NULL: nothing. */
const char *guest_waits_for(const Guest *g);

/* Its current health. */
GuestHealth guest_health(const Guest *g);
