/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <time.h>

/* When this program was executed, of CLOCK_MONOTONIC: before the C library's own start, which asks
 * the processor for its features and waits for a hypervisor each time. On a virtual machine within
 * another that is near 1 ms. Needs
 * `-static -Wl,-e,exec_entry`. */
struct timespec exec_time(void);
