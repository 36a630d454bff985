/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/bus/server.h"

struct Manager;

/* Serves io.umld.Guest1 at RUNTIME/NAME/bus. */
int manager_bus_new(struct Manager *m, BusServer **ret);
