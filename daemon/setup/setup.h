/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sets the host up for one guest, and undoes that. A set-up goes through a table of steps, each of
 * which checks first, changes only what differs and may be repeated at any time; an undo goes
 * through the table in reverse. The functions of a step are described in daemon/host/host.h. No
 * step waits: one that cannot be done yet is called again later. */

#include "daemon/host/host.h"
#include "daemon/net/net.h"

typedef struct Setup {
        Host *host;
        Net *net;
        bool swept; /* nothing is left of a predecessor, or what we left ourselves; adopt.c of the
                       guest sets it for what is taken over, and clears it if that fails */
} Setup;

/* config is borrowed; runtime is RUNTIME. Loads what a predecessor recorded. */
int setup_new(Config *config, const char *runtime, Setup **ret);
/* Frees; undoes nothing. */
Setup *setup_free(Setup *s);
DEFINE_CLEANUP(Setup *, setup_free)

typedef enum SetupKind {
        SETUP_CHECK,  /* only check whether a start would succeed */
        SETUP_ALL,    /* set everything up; what was done stays done, for the undo or a retry */
        SETUP_BEFORE, /* before a restart of the guest on a host that is already set up: only what
                         the kernel's first steps need, so that it runs again within a millisecond
                         or two */
        SETUP_BEHIND, /* the rest, after that start, because the kernel needs its tap when the
                         guest's init brings up the network */
        SETUP_ADOPT,  /* for a guest that runs already, and whose predecessor of ours has set up the
                         host: look at the kernel, and what SETUP_BEHIND does. A kernel that cannot
                         be had at the moment is a matter for the next start */
        SETUP_DOWN, /* undo everything, in reverse; a failure is logged, and the rest is undone. If
                       something is left behind, so is the ledger: the next umld tries again */
        SETUP_DOWN_HOST, /* the same, but the network stays, and with it who waits for the guest */
        SETUP_DOWN_TAP,  /* the same, but who waits for the guest does so until the rules are made
                            for another tap */
        SETUP_SWEEP,     /* the same for what a killed umld of this guest left, its processes first.
                            Usually there is nothing to do. */
} SetupKind;

/* One pass through the table; begins as { .kind = … }. */
typedef struct SetupPass {
        SetupKind kind;
        enum { STAGE_BEGIN, STAGE_PROCESSES, STAGE_STEPS } stage; /* of an undo */
        size_t next;                                              /* step */
        int left; /* of an undo: negative = something is left behind */
} SetupPass;

/* Continues the pass: 0 = it is complete. -EAGAIN: a step cannot be done yet (a lock is held, a
 * child has not answered), and *fault says what it waits for; call again. Other errors occur only
 * in a set-up: *fault says what is wrong. */
int setup_go(Setup *s, SetupPass *pass, Fault *fault);

/* May the pass wait longer for *wait, as set by setup_go(), after that much time? */
bool setup_waits_on(const SetupPass *pass, usec_t waited, const Fault *wait);

/* If not: a set-up has failed, and *ret says so; an undo leaves that behind (0), and continues with
 * the next step. */
int setup_give_up(SetupPass *pass, usec_t waited, const Fault *wait, Fault *ret);

/* For umld --doctor: goes through the steps of SETUP_CHECK, also behind one that has failed, and
 * tells fn the result of each. -ECANCELED: not tried, because it rests on one that has failed.
 * Waits as long as that takes. */
typedef void (*SetupExamined)(const char *step, int r, const Fault *f, void *userdata);
void setup_examine(Setup *s, SetupExamined fn, void *userdata);

/* A complete pass, for callers without an event loop; waits as long as that takes. */
int setup_wait(Setup *s, SetupKind kind, Fault *fault);
