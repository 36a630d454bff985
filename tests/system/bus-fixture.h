/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of bus-fixture. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* Ends the program; r: negative errno. */
_noreturn_ void die(const char *what, int r);

/* Of a property that it has; else the program ends. Its value is a text, whatever its type; unset,
 * it is an empty one. */
void property_set(const char *name, const char *value);
const char *property_get(const char *name);

/* Answer a call of GetAll, of Read, and of Get. Negative errno if they cannot. */
int property_get_all(sd_bus_message *call);
int property_on_read(sd_bus_message *call);
int property_on_get(sd_bus_message *call);
