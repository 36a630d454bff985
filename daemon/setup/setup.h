/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sets the host up for one guest, and undoes that. setup_up() goes through a table of steps, each
 * of which looks first, changes only what differs and may be repeated at any time; setup_down()
 * goes through it backwards. What a step is says daemon/host/host.h. */

#include "daemon/host/host.h"
#include "daemon/net/net.h"

typedef struct Setup {
        Host *host;
        Net *net;
} Setup;

/* config is borrowed; runtime is RUNTIME. Loads what a predecessor left noted. */
int setup_new(const Config *config, const char *runtime, Setup **ret);
/* Frees; undoes nothing. */
Setup *setup_free(Setup *s);
DEFINE_CLEANUP(Setup *, setup_free)

/* 0, or a negative errno with *fault filled in; what was done stays done, for a retry or
 * setup_down(). */
int setup_up(Setup *s, Fault *fault);

/* The same before another start of the guest. On a host that was set up before, only what the
 * kernel's first steps need is looked at, so that it runs again within a millisecond or two;
 * setup_verify() does the rest, and must follow the start: the kernel wants its tap when the
 * guest's init brings the network up. */
int setup_up_again(Setup *s, Fault *fault);
int setup_verify(Setup *s, Fault *fault);

/* Looks whether setup_up() could work, changing nothing. */
int setup_check(Setup *s, Fault *fault);

/* Undoes everything, in reverse, also a predecessor's work; each failure is logged and the rest
 * goes on. Negative: something is left behind, and so is the ledger: the next umld tries again. */
int setup_down(Setup *s);

/* Undoes what a killed predecessor left, its processes first. Nothing to do is the normal case. */
void setup_sweep(Setup *s);
