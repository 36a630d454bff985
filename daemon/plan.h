/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "conf/config.h"

/* umld --check: prints what starting the guest would do, and changes nothing. Returns the exit
 * code; a fault is one line on standard error. */
int plan_print(Config *c);
