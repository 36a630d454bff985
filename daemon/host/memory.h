/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the guest's memory file goes, and the space for it. */

#include "conf/config.h"
#include "daemon/base/fault.h"
#include "host/hostmem.h"

struct Host;

/* Written by the step "memory", and restored by adopt.c for a guest that runs; grow_refused also by
 * watch/memory.c, when it is to be enlarged meanwhile. */
typedef struct HostMemory {
        MemoryBacking backing; /* in use; BACKING_AUTO = none */
        char *path;            /* the directory passed to the kernel as TMPDIR */
        uint64_t need;         /* maximum bytes that the guest may use */
        uint64_t device;       /* file system that provides them, 0 = a private one */
        bool in_namespace;     /* private: mounted where only the guest can see it */
        bool grow_refused;     /* shm: the host does not allow us to enlarge it, already logged */
        char *refused;         /* "shm: why": what was tried before, or NULL */
} HostMemory;

/* The step. */
int memory_up(struct Host *h, Fault *f);
int memory_down(struct Host *h, Fault *f);

/* Frees and clears it. */
void memory_done(HostMemory *m);

/* One kind of backing. */
typedef struct BackingOps {
        /* Makes space, or says in *f why that is impossible; then nothing is left behind. Honours
         * h->quiet. */
        int (*up)(struct Host *h, Fault *f);
        bool (*holds)(struct Host *h); /* is what up() set up still there? */
        int (*down)(struct Host *h);   /* undoes up(), including that of a killed predecessor */
} BackingOps;

extern const BackingOps backing_shm;     /* memory-shm.c */
extern const BackingOps backing_private; /* memory-private.c */
extern const BackingOps backing_dir;     /* memory-dir.c */

/* The share of a file system or of the host's memory from which on it counts as nearly full. */
enum {
        MEMORY_TIGHT_PERCENT = 90,
};

bool memory_is_tight(uint64_t taken, uint64_t size);

/* Megabytes for people, rounded up. */
uint64_t memory_mib(uint64_t bytes);

/* Enlarges /dev/shm to what all guests on it may still take, even while they are running; early:
 * even if it just fits. 1 = done, 0 = it is large enough, -errno with *f set. */
int memory_shm_fit(struct Host *h, bool early, Fault *f);
