/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* From figures to a judgement: will the guests find the memory that they were promised? Pure. */

#include "basic/string-table.h"
#include "host/hostmem.h"

typedef enum MemoryPressure {
        PRESSURE_NONE,
        PRESSURE_TIGHT, /* nearly all is taken or promised */
        PRESSURE_SHORT, /* more is promised than there is: guests may die of it */
        MEMORY_PRESSURE_MAX,
        MEMORY_PRESSURE_INVALID = -EINVAL,
} MemoryPressure;

DECLARE_STRING_TABLE(memory_pressure, MemoryPressure);

typedef struct MemoryFigures {
        /* The file system that this guest's memory file shares with others, if it does. */
        const char *fs_path; /* NULL: it has one of its own, which fits by its size */
        uint64_t fs_size;    /* 0 = unlimited */
        uint64_t fs_used;
        uint64_t fs_open; /* what guests may still take of it */

        MemoryLimit limits[MEMORY_LIMITS_MAX]; /* of the host */
        size_t n_limits;
        uint64_t open; /* what all guests may still take of the host's memory */
} MemoryFigures;

/* The worst of all. before: the judgement so far, which stays until there is some distance.
 * *ret_why is a sentence with the figures, the caller's to free(); NULL for PRESSURE_NONE.
 * *ret_host: is it the host's memory (else the file system)? -ENOMEM, or the judgement. */
int memory_judge(const MemoryFigures *f, MemoryPressure before, char **ret_why, bool *ret_host);

/* What umld does by itself with Balloon=auto. */
typedef struct BalloonState {
        uint64_t memory; /* of the guest */
        uint64_t held;   /* by the balloon now */
        unsigned calm;   /* looks in a row without pressure */
        bool pressed;    /* the host is under pressure now */
} BalloonState;

/* Bytes to take from the guest (> 0) or to give back to it (< 0), 0 = leave it. */
int64_t balloon_decide(const BalloonState *s);
