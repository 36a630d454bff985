/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Everything one umld process has: event loop, guest, bus. */

#include <systemd/sd-event.h>

#include "daemon/bus/vtable.h"
#include "daemon/guest/guest.h"

typedef struct MconsoleRequestList MconsoleRequestList; /* bus/console.c */

typedef struct PortRequestList PortRequestList; /* bus/port.c */

typedef struct Manager {
        sd_event *event;
        Guest *guest;
        BusServer *bus;
        MconsoleRequestList *mconsole_requests;
        PortRequestList *port_requests;
        int lock_fd;
        char *directory; /* RUNTIME/NAME */
        int exit_code;
} Manager;

/* Takes ownership of config. What goes wrong is logged. -EEXIST: another umld has this guest. */
int manager_new(Config *config, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/* Starts the guest and runs until it is down for good. Returns the exit code. */
int manager_run(Manager *m);

/* Reads the configuration again; confirm > 0: to be taken back that long from now unless it is
 * confirmed. *ret_error is one line, the caller's to free(). */
int manager_reload(Manager *m, usec_t confirm, char **ret_error);
