/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest: its state, what is wanted of it, and the actions of the state table. */

#include <systemd/sd-event.h>

#include "api/guest-state.h"
#include "api/last-exit.h"
#include "conf/config.h"
#include "daemon/base/adoption.h"
#include "daemon/base/handover.h"
#include "daemon/base/keeper.h"
#include "daemon/base/restart-policy.h"
#include "daemon/base/retry.h"
#include "daemon/boot/process.h"
#include "daemon/console/console.h"
#include "daemon/guest/fallback.h"
#include "daemon/guest/fsm.h"
#include "daemon/guest/verdict.h"
#include "daemon/host/disk-check.h"
#include "daemon/host/modules.h"
#include "daemon/net/conditions.h"
#include "daemon/net/dead-flows.h"
#include "daemon/net/drain.h"
#include "daemon/net/flow-count.h"
#include "daemon/net/hold.h"
#include "daemon/net/proxy.h"
#include "daemon/net/watch.h"
#include "daemon/setup/run.h"
#include "daemon/watch/cpu.h"
#include "daemon/watch/disk-sync.h"
#include "daemon/watch/facts.h"
#include "daemon/watch/health.h"
#include "daemon/watch/history.h"
#include "daemon/watch/init.h"
#include "daemon/watch/latencies.h"
#include "daemon/watch/memory.h"
#include "daemon/watch/probe.h"
#include "daemon/watch/space.h"

typedef struct GuestListener {
        void (*state_changed)(GuestState from, GuestState to, const char *why, void *userdata);
        void (*crashed)(Verdict verdict, const char *detail, void *userdata);
        void (*finished)(GuestState state, Verdict verdict, void *userdata); /* umld may end now */
        MemoryPressureChanged memory_pressure;
        ConditionChanged condition;
        /* What the listener itself leaves to its successor: with the guest's state, and beside that
         * for a successor that is executed. */
        void (*save)(const SavedText *t, void *userdata);
        void (*hand_over)(Keeper *k, void *userdata);
        void *userdata;
} GuestListener;

/* How far a boot has come. The table of watch.c says what begins and ends with each phase. */
typedef enum BootPhase {
        BOOT_LAUNCHED, /* its kernel was started */
        BOOT_ANSWERS,  /* the kernel has booted: its management console responds */
        BOOT_READY,    /* the guest is ready */
        BOOT_STOPPING, /* it has been asked to shut down */
        BOOT_KILLED,   /* it was sent a deadly signal */
        BOOT_OVER,     /* it has ended; what was set up on the host is kept for the next boot */
        BOOT_GONE,     /* it has ended, and nothing is kept */
} BootPhase;

/* What a guest has said about its own shutdown. */
typedef enum Leaving {
        LEAVING_NOT,
        LEAVING_SOMEHOW, /* it does not know whether it reboots */
        LEAVING_REBOOT,
        LEAVING_POWEROFF,
} Leaving;

/* The current or last boot. prepare.c resets it before the next one. */
typedef struct Boot {
        BootPhase phase; /* watch.c: guest_enter() */
        usec_t set_up; /* prepare.c: when all of the host was set up, CLOCK_MONOTONIC; 0 = before */
        GuestProcess
                *process; /* set by launch.c, cleared by boot.c at its end; NULL: none is running */
        bool said_ready;  /* boot.c: READY=1 was received, possibly before the kernel's own
                             notification */
        bool dying;       /* boot.c: its kernel does nothing any more */
        Leaving leaving;  /* boot.c: STOPPING= was received */
        unsigned words;   /* boot.c: how often that had an effect */
        usec_t last_word; /* boot.c: when it had one, CLOCK_MONOTONIC */
        char *text;       /* boot.c: of the configuration that it was started with */
        Fault fault; /* watch.c: what the check of the host after the start could not repair; the
                        reason why this boot ends */
} Boot;

/* Exist only during some phases of a boot. All fields are written by watch.c, and NULL outside of
 * those phases. */
typedef struct Watches {
        InitWatch *init;
        HealthWatch *health;
        ProbeSet *probes;
        SpaceWatch *space;
        CpuWatch *cpu;
        FactsWatch *facts;
        DeadFlows *dead_flows;   /* of the boot before: until this one answers */
        sd_event_source *verify; /* checks the host after a start */
        sd_event_source *settle; /* trims umld's memory when the start is over */
} Watches;

/* How umld ends the boot. Reset by prepare.c. */
typedef struct Stop {
        GuestAsked asked; /* written by stop.c: what was requested */
        char *why;   /* written by watch.c and guest.c: what the guest failed to do, if that is the
                        reason */
        size_t step; /* written by stop.c at each step: index of the current one */
        const char *name; /* written by stop.c: what a successor goes on with */
        usec_t began; /* when that step began, CLOCK_MONOTONIC; timer.c moves both after the host
                         was suspended */
        usec_t due;   /* when the next step is due */
        Drain *drain; /* stop.c: before the first step, connections are let finish; else NULL */
} Stop;

/* The umld-init of the next start, created as soon as the guest is ready. Written by launch.c
 * alone. */
typedef struct Standby {
        Launched launched;
        Strv argv, environment; /* the command line and environment it was created for */
        LaunchLimits limits;
        ino_t mount_ns, net_ns; /* the namespaces it was created in; 0 = ours */
} Standby;

/* The timeout of the current state. Written by timer.c alone. */
typedef struct GuestTimer {
        sd_event_source *later, *now; /* at most one of them is armed */
        usec_t patience;              /* the timeout that was set */
} GuestTimer;

/* What the start or stop in progress is waiting for. Written by waiting.c alone. */
typedef struct Waiting {
        sd_event_source *look;
        char *told; /* the last text sent to the service manager in this state */
} Waiting;

/* What is left with umld-init for a successor. Written by keep.c, and what is for one that we
 * execute by executes.c. */
typedef struct Keep {
        Keeper keeper;
        bool on;                /* there is an umld-init with a store */
        pid_t init;             /* it; 0: none */
        bool executing;         /* the successor is to be executed by us */
        bool taking;            /* umld-init has not been told yet that we have taken over */
        Handover handover;      /* for that one alone */
        int program_fd;         /* our program, for the case that the successor fails */
        char *path;             /* RUNTIME/NAME/adopt; NULL: guests have no store */
        int lock_fd;            /* of RUNTIME/NAME/lock, borrowed: held by umld-init, too */
        int mounts_fd;          /* our mount namespace, which sees what we have mounted */
        sd_event_source *soon;  /* leaves it at the end of this turn of the event loop */
        sd_event_source *later; /* leaves it once umld-init may have read the last one */
} Keep;

/* The adoption in progress. Written by adopt.c alone. */
typedef struct Adopting {
        Adoption *from;  /* NULL: none */
        bool replaced;   /* from an umld that has executed us: nobody is told of it */
        bool resuming;   /* the phases of its boot are entered one after the other */
        bool ordered;    /* an order came meanwhile, and follows */
        GuestEvent then; /* that order */
} Adopting;

typedef struct Trial Trial; /* reload.c */

typedef struct ReloadRequest ReloadRequest; /* reload.c */

/* A configuration other than the one in force. Written by reload.c; prepare.c takes `next`. */
typedef struct Reload {
        Config *next;           /* takes effect at the next start */
        Trial *trial;           /* it has to be confirmed */
        bool taken_back;        /* NAME.conf was tried and not confirmed: it is not in force */
        ReloadRequest *request; /* a reload in progress */
        Retry *retry;           /* retries it while it waits for something */
} Reload;

/* History of all boots. */
typedef struct Past {
        bool announced;                    /* guest.c: it was ready at least once */
        unsigned restarts;                 /* guest.c: restarts that nobody requested */
        unsigned adopted;                  /* adopt.c: deaths of its umld that it has outlived */
        unsigned reexecs;                  /* adopt.c: how often its umld was replaced by reexec */
        unsigned restarts_by[VERDICT_MAX]; /* the same by verdict */
        usec_t down;                       /* state.c: time in former states other than running */
        Latencies latencies;               /* of heartbeats */
        History history;                   /* history.c: what it used in the last hour */
        DeathHistory deaths;               /* end.c, at each end */
        usec_t delay;                      /* end.c: delay of the last restart */
        FallbackHistory boots;             /* profile.c, at each end; reset by requests */
        char *fallback_why;                /* profile.c: why the fallback is in use */
        LastExit last_exit; /* boot.c and prepare.c, at each end; guest.c writes its file */
        char *crash;        /* crash.c: the report of the last one, not written yet */
} Past;

typedef struct Guest {
        /* Written by life.c, constant while the guest is managed. */
        sd_event *event;
        GuestListener listener;
        void (*act)(struct Guest *g, GuestAction action); /* guest.c: does what a state needs */
        char *init;                                       /* path of umld-init */
        Setup *setup;
        SetupRun *run; /* runs the steps of set-up and undo */
        NetWatch *net_watch;
        Proxies *proxies;
        Hold *hold;
        Console *console;
        GuestMemory *memory;
        FlowCount *flow_count;
        DiskSync *disk_sync;

        Config *config; /* in force: changed by reload.c, replaced by prepare.c before a start */

        GuestState state; /* state.c, with the two below */
        Moment since;     /* of the state */
        char *why;        /* the text that goes with the state */
        char *end_why;    /* the text for the final state, while the host is being undone before it;
                           */
        GuestEvent end_event;   /* guest.c: what follows after that */
        GuestWanted wanted;     /* guest.c, at each request */
        Moment next_start;      /* guest.c, in back-off; else never */
        DiskCheck *disk_check;  /* prepare.c, while a file system is repaired before a start */
        ModulesUpdate *modules; /* prepare.c, while modules are put into the image before a start */

        GuestTimer timer;
        Waiting waiting;
        Standby standby;
        Keep keep;
        Adopting adopting;
        Boot boot;
        Watches watch;
        Stop stop;
        Reload reload;
        Past past;
} Guest;

/* Takes ownership of config. runtime is RUNTIME. Undoes what a killed umld of this guest left on
 * the host. */
int guest_new(sd_event *event, Config *config, const char *runtime, const GuestListener *listener,
              Guest **ret);
Guest *guest_free(Guest *g);
DEFINE_CLEANUP(Guest *, guest_free)

/* Something that a successor needs to adopt the guest has changed, and is left again with its
 * umld-init at the end of this turn of the event loop; before and after a boot there is nobody to
 * leave it with. Between two boots there is the umld-init on standby. */
void guest_keep(Guest *g);

/* Instead of a start: takes over the running guest, and frees from. One that cannot be taken over
 * is ended, and started again unless it was to be stopped. */
void guest_adopt(Guest *g, Adoption *from);
/* For the execution of a successor. Can what is going on be carried over? A set-up or undo of the
 * host and a reload are waited for; a boot, a stop, a back-off and a trial go on. */
bool guest_is_at_rest(const Guest *g);
/* A file in memory with all that a successor gets, which the caller closes. */
int guest_saved_state(Guest *g);
/* Ends what a successor does not take over: the process on standby. */
void guest_clear_children(Guest *g);
/* It is about to be executed, and what it needs is left for it; NULL: it is not, after all. */
int guest_executes(Guest *g, const char *program);

/* The configuration that guest runs with, and what is to become of it at its next start (NULL:
 * nothing). */
int guest_adopted_config(const Saved *saved, const char *name, const char *file, const char *disk,
                         Config **ret, Config **ret_next, char **ret_error);

/* Requests. 1 = accepted, 0 = nothing to do in this state. */
int guest_start(Guest *g);
int guest_stop(Guest *g);
int guest_restart(Guest *g);
int guest_kill(Guest *g);

/* Takes ownership of config. Live settings such as forwards change at once, the others at the
 * guest's next start. done is called once, possibly before this returns: with the settings that
 * take effect at the next start (comma-separated keys, NULL = none), or with the reason of a
 * failure (r < 0). After a failure nothing has changed, or the text says what has. One reload at a
 * time.
 *
 * confirm > 0: everything is reverted after that time unless guest_confirm() is called first. Until
 * then a reload without confirm is refused with -EBUSY, and another one with it replaces the first:
 * it would be reverted to what was confirmed last. */
typedef void (*GuestReloaded)(int r, const char *text, void *userdata);
void guest_reload(Guest *g, Config *config, usec_t confirm, GuestReloaded done, void *userdata);

/* Keeps what the last reload changed. -ENOENT: there is nothing to confirm. */
int guest_confirm(Guest *g, Fault *fault);

/* When it will be reverted, CLOCK_REALTIME; 0: nothing is unconfirmed. */
usec_t guest_confirm_until(const Guest *g);

/* Guards the port of an SSH_CONNECTION from now on. -EINVAL: malformed. */
int guest_guard_session(Guest *g, const char *ssh_connection, Fault *fault);

/* What the guest is waiting for, such as a lock held by another process; NULL: nothing. */
const char *guest_waits_for(const Guest *g);

/* A client has stopped the guest over its management console, or has had it go on. Until then it is
 * excused for not doing anything. */
void guest_note_hold(Guest *g, bool held);

/* The state as others see it: while umld is being replaced it is that of before. ret_since may be
 * NULL. */
GuestState guest_shown_state(const Guest *g, Moment *ret_since);

/* For how long it has not been ready in all. */
usec_t guest_down_time(const Guest *g);

/* Its current health. */
GuestHealth guest_health(const Guest *g);
