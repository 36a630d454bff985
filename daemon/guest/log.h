/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/guest/guest.h"

/* Sets up log and journal for the guest's console according to its configuration. Failures are
 * logged; the console then does without them. */
int guest_open_log(Guest *g);
