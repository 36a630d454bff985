/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much memory all guests of the host may still take, added up by one umld for all of them.
 *
 * Adding up takes a look at the processes of every guest. Every umld needs the sum every few
 * seconds, so that with each doing it the work would grow with the square of the guests. The one
 * that finds the last sum too old makes a new one and leaves it in the shared directory. A sum that
 * is not quite fresh errs on the safe side: guests have taken some of it since, which then counts
 * twice. Whoever changes a claim removes it. */

#include "basic/time-util.h"
#include "daemon/host/host.h"

/* *ret_open: of the claims of all guests, *ret_on_device: of those on this file system. */
int memory_sum_get(const Host *h, uint64_t device, usec_t max_age, uint64_t *ret_open,
                   uint64_t *ret_on_device);

/* The claims have changed. */
void memory_sum_forget(const Host *h);
