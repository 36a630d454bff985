/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sets the host up for one guest, and undoes that. setup_up() goes through a table of steps, each
 * of which checks first, changes only what differs and may be repeated at any time; setup_down()
 * goes through it backwards. The functions of a step are described in daemon/host/host.h. */

#include "daemon/host/host.h"
#include "daemon/net/net.h"

typedef struct Setup {
        Host *host;
        Net *net;
} Setup;

/* config is borrowed; runtime is RUNTIME. Loads what a predecessor recorded. */
int setup_new(Config *config, const char *runtime, Setup **ret);
/* Frees; undoes nothing. */
Setup *setup_free(Setup *s);
DEFINE_CLEANUP(Setup *, setup_free)

/* Returns 0, or a negative errno with *fault filled in; what was done stays done, for a retry or
 * setup_down(). */
int setup_up(Setup *s, Fault *fault);

/* The same before another start of the guest. On a host that was set up before, only what the
 * kernel needs first is checked, so that it runs again within a millisecond or two; setup_verify()
 * does the rest, and must follow the start: the kernel needs its tap when the guest's init brings
 * up the network. */
int setup_up_again(Setup *s, Fault *fault);
int setup_verify(Setup *s, Fault *fault);

/* Checks whether setup_up() would work, changing nothing. */
int setup_check(Setup *s, Fault *fault);

/* Undoes everything in reverse, including a predecessor's changes; each failure is logged and the
 * rest continues. Negative: something is left behind, and so is the ledger: the next umld tries
 * again. */
int setup_down(Setup *s);

/* Undoes what a killed predecessor left, starting with its processes. Usually there is nothing to
 * do. */
void setup_sweep(Setup *s);
