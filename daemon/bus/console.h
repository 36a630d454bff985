/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The methods of io.umld.Guest1 that reach into the guest: its management console and its console.
 */

#include <systemd/sd-bus.h>

struct Manager;

/* Handlers for the vtable; userdata is the Manager. */
int bus_console_mconsole(sd_bus_message *message, void *userdata, sd_bus_error *error);

int bus_console_open(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Drops what is still being asked; nobody gets an answer any more. */
void bus_console_done(struct Manager *m);
