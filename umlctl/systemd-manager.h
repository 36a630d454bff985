/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The service manager: whether it is there for our guests, and what is asked of it. */

#include <systemd/sd-bus.h>

#include "basic/cleanup.h"
#include "basic/macro.h"
#include "umlctl/waiter.h"

/* Is systemd PID 1, and do our directories have the places that its units know? */
bool manager_usable(void);

/* Connects through the system bus, or directly where there is none (that is root's). */
int manager_open(sd_bus **ret);

/* "umld@NAME.service"; the caller's to free(). */
char *manager_unit(const char *name);

/* Is the unit up, on its way up or down, or waiting for a restart? 1 or 0. */
int manager_unit_busy(sd_bus *bus, const char *unit);

/* Order to start or stop a unit (`method` is StartUnit or StopUnit), and its end. */
typedef struct ManagerJob {
        char *unit, *path;
        char *result; /* NULL until it has ended: done, failed, canceled, timeout, dependency,
                         skipped … */
        bool lost;    /* systemd hung up */
        Waiter *waiter;
} ManagerJob;

void manager_job_done(ManagerJob *job);

/* Gives the order. The end shows in *job while the waiter runs, which is made to look then; NULL:
 * nobody waits. */
int manager_job(sd_bus *bus, Waiter *waiter, const char *method, const char *name, ManagerJob *job,
                sd_bus_error *ret_error);

/* What systemd knows of a service that failed. */
typedef struct ManagerFailure {
        char *status_text; /* umld's last STATUS=, NULL: none */
        char *result;      /* exit-code, timeout, … */
        int exit_status;
} ManagerFailure;

void manager_failure_done(ManagerFailure *f);
void manager_failure_read(sd_bus *bus, const char *unit, ManagerFailure *ret);

/* Has the guest started at boot, or not any more; 1 = changed, 0 = was so already. */
int manager_enable(sd_bus *bus, const char *name, bool enable, sd_bus_error *ret_error);
