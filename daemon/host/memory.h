/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the guest's memory file goes, and the room for it. */

#include "conf/config.h"
#include "daemon/base/fault.h"
#include "host/hostmem.h"

struct Host;

/* Written by the step "memory"; grow_refused by whoever enlarges it while the guest runs. */
typedef struct HostMemory {
        MemoryBacking backing; /* in force; BACKING_AUTO = none */
        char *path;            /* the directory that the kernel is told, as TMPDIR */
        uint64_t need;         /* bytes that the guest may come to hold */
        uint64_t device;       /* file system that they come from, 0 = one of the guest's own */
        bool in_namespace;     /* private: mounted where the guest alone sees it */
        bool grow_refused;     /* shm: the host does not let us enlarge it, said already */
        char *refused;         /* "shm: why": what was tried before, or NULL */
} HostMemory;

/* The step. */
int memory_up(struct Host *h, Fault *f);
int memory_down(struct Host *h, Fault *f);

/* Frees and forgets. */
void memory_done(HostMemory *m);

/* One place for a memory file. */
typedef struct BackingOps {
        /* Makes room, or says in *f why there can be none here; then nothing is left behind. Knows
         * h->quiet. */
        int (*up)(struct Host *h, Fault *f);
        bool (*holds)(struct Host *h); /* is what up() made still there? */
        int (*down)(struct Host *h);   /* undoes up(), also a killed predecessor's */
} BackingOps;

extern const BackingOps backing_shm;     /* memory-shm.c */
extern const BackingOps backing_private; /* memory-private.c */
extern const BackingOps backing_dir;     /* memory-dir.c */

/* From what share of a file system or of the host's memory on it counts as nearly full. */
enum {
        MEMORY_TIGHT_PERCENT = 90,
};

bool memory_is_tight(uint64_t taken, uint64_t size);

/* Megabytes for people, rounded up. */
uint64_t memory_mib(uint64_t bytes);

/* Enlarges /dev/shm so that all guests on it find what they may still claim, also while they run;
 * early: already when it is a tight fit. 1 = done, 0 = it is large enough, -errno with *f set. */
int memory_shm_fit(struct Host *h, bool early, Fault *f);
