/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A pass through the steps in the event loop: it goes as far as it can at once, and on from there
 * whenever something that it waits for may have come. */

#include <systemd/sd-event.h>

#include "daemon/setup/setup.h"

typedef struct SetupRun SetupRun;

/* r < 0: *fault says why, for the callee to take over. */
typedef void (*SetupDone)(int r, Fault *fault, void *userdata);

/* setup is borrowed. */
int setup_run_new(sd_event *event, Setup *setup, SetupRun **ret);
SetupRun *setup_run_free(SetupRun *run);
DEFINE_CLEANUP(SetupRun *, setup_run_free)

/* Begins a pass, and drops the one that is under way. done is called once, maybe before this
 * returns. */
void setup_run_begin(SetupRun *run, SetupKind kind, SetupDone done, void *userdata);

/* Drops the pass where one of that kind is under way. */
void setup_run_cancel(SetupRun *run, SetupKind kind);

bool setup_run_active(const SetupRun *run);

/* What the pass that is under way waits for; NULL: there is none, or it waits for nothing. */
const char *setup_run_waits_for(const SetupRun *run);
