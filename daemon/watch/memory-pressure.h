/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Will the guests find the memory that they were promised? Pure. */

#include "basic/string-table.h"
#include "host/hostmem.h"

typedef enum MemoryPressure {
        PRESSURE_NONE,
        PRESSURE_TIGHT, /* nearly everything is used or promised */
        PRESSURE_SHORT, /* more is promised than available: guests may die of it */
        MEMORY_PRESSURE_MAX,
        MEMORY_PRESSURE_INVALID = -EINVAL,
} MemoryPressure;

const char *memory_pressure_to_string(MemoryPressure v);

typedef struct MemoryFigures {
        /* The file system that this guest's memory file shares with others, if it does. */
        const char *fs_path; /* NULL: it has one of its own, which is large enough by definition */
        uint64_t fs_size;    /* 0 = unlimited */
        uint64_t fs_used;
        uint64_t fs_open; /* what guests may still allocate of it */

        MemoryLimit limits[MEMORY_LIMITS_MAX]; /* of the host */
        size_t n_limits;
        uint64_t open; /* what all guests may still allocate of the host's memory */
} MemoryFigures;

/* The worst of all. before: the previous judgement, which is kept until there is some distance.
 * *ret_why is a sentence with the figures, which the caller frees; NULL for PRESSURE_NONE.
 * *ret_host: is it the host's memory (else the file system)? Returns -ENOMEM, or the judgement. */
int memory_judge(const MemoryFigures *f, MemoryPressure before, char **ret_why, bool *ret_host);

/* What umld does automatically with Balloon=auto. */
typedef struct BalloonState {
        uint64_t memory; /* of the guest */
        uint64_t held;   /* in the balloon now */
        unsigned calm;   /* consecutive checks without pressure */
        bool pressed;    /* the host is under pressure now */
} BalloonState;

/* Bytes to take from the guest (> 0) or to give back to it (< 0), 0 = none. */
int64_t balloon_decide(const BalloonState *s);
