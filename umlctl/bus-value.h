/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Converts the reply to GetAll, a{sv}, to a JSON object; see bus_get_properties(). */
int bus_read_properties(sd_bus_message *m, json_t **ret);
