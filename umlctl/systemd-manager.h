/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The service manager: whether it is available for our guests, and requests to it. */

#include <systemd/sd-bus.h>

#include "basic/cleanup.h"
#include "basic/macro.h"
#include "umlctl/waiter.h"

/* Is systemd PID 1, and are our directories the ones that its units use? */
bool manager_usable(void);

/* Connects through the system bus or, where there is none, directly, which only root may. */
int manager_open(sd_bus **ret);

/* Returns "umld@NAME.service"; the caller frees it. */
char *manager_unit(const char *name);

/* Is the unit active, activating, deactivating or waiting for a restart? 1 or 0. */
int manager_unit_busy(sd_bus *bus, const char *unit);

/* Lets systemd read its units again if the guest's configuration has changed since it did so: its
 * sandbox depends on that (systemd/umld-generator). Who may start units, but not that, starts it
 * without. */
void manager_follow(sd_bus *bus, const char *name);

/* A job that starts or stops a unit, and its result. */
typedef struct ManagerJob {
        char *unit, *path;
        char *result; /* NULL until it has ended: done, failed, canceled, timeout, dependency,
                         skipped … */
        bool lost;    /* systemd closed the connection */
        Waiter *waiter;
} ManagerJob;

void manager_job_done(ManagerJob *job);

/* Queues a job; `method` is StartUnit or StopUnit. Its result appears in *job while the waiter
 * runs, and the waiter is woken up; waiter NULL: the result is not waited for. */
int manager_job(sd_bus *bus, Waiter *waiter, const char *method, const char *name, ManagerJob *job,
                sd_bus_error *ret_error);

/* Why systemd considers a service failed. */
typedef struct ManagerFailure {
        char *status_text; /* the last STATUS= of umld, NULL: none */
        char *result;      /* exit-code, timeout, … */
        int exit_status;
} ManagerFailure;

void manager_failure_done(ManagerFailure *f);
void manager_failure_read(sd_bus *bus, const char *unit, ManagerFailure *ret);

/* Enables or disables the guest's unit; 1 = changed, 0 = it already was so. */
int manager_enable(sd_bus *bus, const char *name, bool enable, sd_bus_error *ret_error);

/* Is the guest's unit started at boot? 1 or 0. */
int manager_enabled(sd_bus *bus, const char *name, sd_bus_error *ret_error);
