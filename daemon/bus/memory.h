/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Method Balloon of the control interface. userdata: the Manager. */

#include <systemd/sd-bus.h>

int bus_memory_balloon(sd_bus_message *message, void *userdata, sd_bus_error *error);
