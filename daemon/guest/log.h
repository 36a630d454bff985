/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/guest/guest.h"

/* Has the guest's console write to log and journal as its configuration says. What goes wrong is
 * logged; the console goes without them then. */
int guest_open_log(Guest *g);
