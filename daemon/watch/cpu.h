/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keeps a guest that is pinned to one CPU of the host (host/cpus.h) from waiting there for other
 * processes: if its CPU is busy and another is not, the whole guest is moved. */

#include <systemd/sd-event.h>

#include "daemon/boot/process.h"

typedef struct CpuWatch CpuWatch;

/* process: borrowed. *ret is NULL if there is no other CPU to move to. */
int cpu_watch_new(sd_event *event, GuestProcess *process, CpuWatch **ret);
CpuWatch *cpu_watch_free(CpuWatch *w);
DEFINE_CLEANUP(CpuWatch *, cpu_watch_free)
