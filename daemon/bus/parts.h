/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Internal to the control interface. */

#include "daemon/bus/guest-bus.h"

typedef struct MconsoleRequest MconsoleRequest; /* console.c */

typedef struct PortRequest PortRequest; /* port.c */

struct GuestBus {
        Guest *guest;
        BusServer *server;
        BusReload reload;
        BusReexec reexec;
        void *userdata; /* of both */

        /* Methods whose reply is pending; each list belongs to its file. */
        MconsoleRequest *mconsole_requests;
        PortRequest *port_requests;
};

/* vtable.c: properties, methods and signals; userdata is the GuestBus. */
extern const sd_bus_vtable guest_bus_vtable[];

/* Handlers of methods, for the vtable; userdata is the GuestBus. */
int bus_order_start(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_stop(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_restart(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_kill(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_reload(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_reload_confirm(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_reexec(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_confirm(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_order_guard(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_console_mconsole(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_console_open(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_memory_balloon(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_counters(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_history(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_port_explain(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Answers with the properties of a table that the message names. */
int bus_read_from(sd_bus_message *message, const sd_bus_vtable *table, void *userdata);

/* Drop pending queries; they no longer get a reply. */
void bus_console_done(GuestBus *b);
void bus_port_done(GuestBus *b);
