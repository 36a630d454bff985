/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The memory of the running guest: how much it uses, whether what it may still allocate is
 * available, and the remounts and balloon that keep it alive. */

#include <systemd/sd-event.h>

#include "daemon/host/host.h"
#include "daemon/watch/balloon.h"
#include "daemon/watch/memory-pressure.h"

typedef struct GuestMemory GuestMemory;

typedef void (*MemoryPressureChanged)(MemoryPressure from, MemoryPressure to, const char *why,
                                      void *userdata);

int guest_memory_new(sd_event *event, Host *host, MemoryPressureChanged changed, void *userdata,
                     GuestMemory **ret);
GuestMemory *guest_memory_free(GuestMemory *m);
DEFINE_CLEANUP(GuestMemory *, guest_memory_free)

/* Told of the bytes of the host's memory that the guest uses, each time that they are checked. */
typedef void (*MemoryLooked)(uint64_t used, void *userdata);
void guest_memory_on_look(GuestMemory *m, MemoryLooked looked, void *userdata);

/* A boot begins, and ends. The process is borrowed in between. */
void guest_memory_begin(GuestMemory *m, GuestProcess *p);
void guest_memory_end(GuestMemory *m);

/* What is known about it; 0 = nothing (yet). */
uint64_t guest_memory_used(GuestMemory *m); /* bytes of the host's memory now */
uint64_t
guest_memory_peak(GuestMemory *m); /* the maximum of this boot, as far as it was observed */
uint64_t guest_memory_held(const GuestMemory *m);        /* in the balloon */
const char *guest_memory_pressure(const GuestMemory *m); /* "tight: why", "" = none */
/* The MemoryPressure; *ret_why is the sentence, "" = none. -ENOENT: no guest is running. */
int guest_memory_judgement(const GuestMemory *m, const char **ret_why);

/* Moves the balloon like guest_balloon_move(). -ENOMEM with a sentence in *ret_why, which the
 * caller frees: the memory to give back is not available any more. */
int guest_memory_move(GuestMemory *m, int64_t bytes, BalloonDone done, void *userdata,
                      char **ret_why);
