/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs do. Each returns the exit code of umlctl and has said all there was to say.
 * `guest` is a guest that exists as far as the verb's row in the table (main.c) asks for it; NULL
 * where none was named and the verb takes all. */

#include <systemd/sd-bus.h>

#include "umlctl/options.h"
#include "umlctl/waiter.h"

int verb_list(const Options *o, const char *guest);
int verb_status(const Options *o, const char *guest);
int verb_start(const Options *o, const char *guest);
int verb_restart(const Options *o, const char *guest);
int verb_stop(const Options *o, const char *guest);
int verb_kill(const Options *o, const char *guest);
int verb_reload(const Options *o, const char *guest);
int verb_confirm(const Options *o, const char *guest);
int verb_wait(const Options *o, const char *guest);
int verb_check(const Options *o, const char *guest);
int verb_enable(const Options *o, const char *guest);
int verb_crashes(const Options *o, const char *guest);
int verb_disable(const Options *o, const char *guest);
int verb_memory(const Options *o, const char *guest);
int verb_console(const Options *o, const char *guest);
int verb_mconsole(const Options *o, const char *guest);
int verb_port(const Options *o, const char *guest);
int verb_log(const Options *o, const char *guest);

/* What they share (verb-control.c) */

/* Connects to the umld of the guest and reads its properties, all within BUS_ANSWER_LIMIT. Errors
 * as of bus_connect(). */
int control_ask(const char *guest, sd_bus **ret, pid_t *ret_pid, json_t **ret_props);

/* Gives an order; on failure says why and returns the exit code, else 0. A umld that is gone before
 * it could confirm an order to end has carried it out; one that is busy is at it already, or will
 * be by what it is at: what it comes to is for the caller to wait for. */
int control_order(sd_bus *bus, const char *guest, const char *method);

/* What to say after waiter_run() ended with r, one of its errors, or w (NULL then) could not be
 * made. */
int control_wait_failed(const char *guest, const Waiter *w, int r, const char *expected);

/* "panic: Attempted to kill init!" from what umld left behind, "" where that is nothing; the
 * caller's. */
char *control_last_exit(const char *guest);

/* The same as umld itself says it, where that is there still. */
char *control_end(const Waiter *w);
