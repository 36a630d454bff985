/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A pass through the steps in the event loop: it goes as far as it can without waiting, and
 * continues from there whenever what it waits for may be available. */

#include <systemd/sd-event.h>

#include "daemon/setup/setup.h"

typedef struct SetupRun SetupRun;

/* r < 0: *fault says why; the callee may take its text. */
typedef void (*SetupDone)(int r, Fault *fault, void *userdata);

/* setup is borrowed. */
int setup_run_new(sd_event *event, Setup *setup, SetupRun **ret);
SetupRun *setup_run_free(SetupRun *run);
DEFINE_CLEANUP(SetupRun *, setup_run_free)

/* Begins a pass, and cancels the one in progress. done is called once, possibly before this
 * returns. */
void setup_run_begin(SetupRun *run, SetupKind kind, SetupDone done, void *userdata);

/* Cancels the pass in progress if it is of that kind. */
void setup_run_cancel(SetupRun *run, SetupKind kind);

bool setup_run_active(const SetupRun *run);

/* What the pass in progress waits for; NULL: there is none, or it does not wait. */
const char *setup_run_waits_for(const SetupRun *run);
