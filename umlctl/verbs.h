/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The functions of the verbs. Each returns the exit code of umlctl and has printed all messages.
 * `guest` exists as far as the verb's row in the table (main.c) requires it; NULL if none was named
 * and the verb takes all. */

#include <systemd/sd-bus.h>

#include "umlctl/options.h"
#include "umlctl/waiter.h"

int verb_list(const Options *o, const char *guest);
int verb_status(const Options *o, const char *guest);
int verb_metrics(const Options *o, const char *guest);
int verb_top(const Options *o, const char *guest);
int verb_start(const Options *o, const char *guest);
int verb_restart(const Options *o, const char *guest);
int verb_stop(const Options *o, const char *guest);
int verb_kill(const Options *o, const char *guest);
int verb_reexec(const Options *o, const char *guest);
int verb_reload(const Options *o, const char *guest);
int verb_confirm(const Options *o, const char *guest);
int verb_wait(const Options *o, const char *guest);
int verb_cat(const Options *o, const char *guest);
int verb_set(const Options *o, const char *guest);
int verb_edit(const Options *o, const char *guest);
int verb_events(const Options *o, const char *guest);
int verb_ssh(const Options *o, const char *guest);
int verb_check(const Options *o, const char *guest);
int verb_doctor(const Options *o, const char *guest);
int verb_enable(const Options *o, const char *guest);
int verb_crashes(const Options *o, const char *guest);
int verb_disable(const Options *o, const char *guest);
int verb_export(const Options *o, const char *guest);
int verb_history(const Options *o, const char *guest);
int verb_is_active(const Options *o, const char *guest);
int verb_is_enabled(const Options *o, const char *guest);
int verb_import(const Options *o, const char *file);
int verb_resize(const Options *o, const char *guest);
int verb_disk(const Options *o, const char *guest);
int verb_modules(const Options *o, const char *guest);
int verb_memory(const Options *o, const char *guest);
int verb_console(const Options *o, const char *guest);
int verb_mconsole(const Options *o, const char *guest);
int verb_port(const Options *o, const char *guest);
int verb_log(const Options *o, const char *guest);
int verb_remove(const Options *o, const char *guest);
int verb_create(const Options *o, const char *name); /* which need not exist */

/* Shared by several verbs (verb-control.c) */

/* Is an umld of this guest running, as far as can be told? */
bool control_running(const char *guest);

/* Connects to the guest's umld and reads its properties, all within BUS_ANSWER_LIMIT. Errors are
 * those of bus_connect(). */
int control_ask(const char *guest, sd_bus **ret, pid_t *ret_pid, json_t **ret_props);

/* Calls a method of umld; on failure prints why and returns the exit code, else 0. An umld that
 * ends before it could reply to a request to end has carried it out; a busy one is already carrying
 * it out, or will as part of its current operation, and the caller waits for the result. */
int control_order(sd_bus *bus, const char *guest, const char *method);

/* Reports why waiter_run() returned the error r, or why w (then NULL) could not be created, and
 * returns the exit code. */
int control_wait_failed(const char *guest, const Waiter *w, int r, const char *expected);

/* Returns "panic: Attempted to kill init!" from the files that umld left, "" if there are none. The
 * caller frees it. */
char *control_last_exit(const char *guest);

/* The same from umld itself if it is still running. */
char *control_end(const Waiter *w);

/* What enable, disable and start --enable do. */
int boot_set_enabled(const Options *o, const char *guest, bool enable);
/* Are these guests started at boot? Of a manager that cannot be asked, *failed is the guest and
 * *error why. */
int boot_ask_enabled(const Strv *guests, bool *ret, const char **failed, sd_bus_error *error);
/* The same, but on failure prints why and returns the exit code, else 0. */
int boot_get_enabled(const Strv *guests, bool *ret);

/* --version: also what was compiled in, and what of the rest this host has. */
int version_print(void);
