/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-size.c - what a size means. */

#include "daemon/host/memory.h"

uint64_t memory_mib(uint64_t bytes) {
        return (bytes >> 20) + ((bytes & ((1 << 20) - 1)) != 0);
}

bool memory_is_tight(uint64_t taken, uint64_t size) {
        return taken > size / 100 * MEMORY_TIGHT_PERCENT;
}
