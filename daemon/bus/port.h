/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Method ExplainPort: looks at the host, calls the guest, and answers when that is done. */

#include <systemd/sd-bus.h>

#include "daemon/manager.h"

int bus_port_explain(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Nobody gets an answer any more. */
void bus_port_done(Manager *m);
