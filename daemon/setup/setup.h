/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sets the host up for one guest, and undoes that. A set-up goes through a table of steps, each of
 * which checks first, changes only what differs and may be repeated at any time; an undo goes
 * through it backwards. The functions of a step are described in daemon/host/host.h. No step waits:
 * one that cannot be done now is called again later. */

#include "daemon/host/host.h"
#include "daemon/net/net.h"

typedef struct Setup {
        Host *host;
        Net *net;
        bool swept; /* nothing is left of a predecessor, or what we left ourselves */
} Setup;

/* config is borrowed; runtime is RUNTIME. Loads what a predecessor recorded. */
int setup_new(Config *config, const char *runtime, Setup **ret);
/* Frees; undoes nothing. */
Setup *setup_free(Setup *s);
DEFINE_CLEANUP(Setup *, setup_free)

typedef enum SetupKind {
        SETUP_CHECK, /* look only whether it could be done */
        SETUP_ALL,   /* set everything up; what was done stays done, for another try or for the undo
                      */
        SETUP_BEFORE, /* the same before another start of the guest on a host that was set up
                         before: only what the kernel's first steps need, so that it runs again
                         within a millisecond or two */
        SETUP_BEHIND, /* the rest, after that start, because the kernel needs its tap when the
                         guest's init brings up the network */
        SETUP_DOWN,   /* undo everything, in reverse; each failure is logged and the rest goes on.
                         Where something is left behind, so is the ledger: the next umld tries
                         again */
        SETUP_SWEEP,  /* the same for what a killed predecessor left, its processes first. Nothing
                         to do is the normal case. */
} SetupKind;

/* One way through the table; { .kind = … } to begin with. */
typedef struct SetupPass {
        SetupKind kind;
        enum { STAGE_BEGIN, STAGE_PROCESSES, STAGE_STEPS } stage; /* of an undo */
        size_t next;                                              /* step */
        int left; /* of an undo: negative = something is left behind */
} SetupPass;

/* Goes on from where the pass has come to: 0 = it is through. -EAGAIN: a step cannot be done now
 * (somebody has a lock, a child has not answered), and *fault says what it waits for; call again.
 * Other errors, of a set-up alone: *fault says what is wrong. */
int setup_go(Setup *s, SetupPass *pass, Fault *fault);

/* Is it worth waiting on for *wait, as setup_go() has left it, after that long? */
bool setup_waits_on(const SetupPass *pass, usec_t waited, const Fault *wait);

/* If not: a set-up has failed, and *ret says so; an undo leaves that behind (0), and goes on with
 * the next step. */
int setup_give_up(SetupPass *pass, usec_t waited, const Fault *wait, Fault *ret);

/* A whole pass for who has nothing else to do. */
int setup_wait(Setup *s, SetupKind kind, Fault *fault);
