/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The checksum of a file with holes: of its data, of where that is, and of its size. What lies in a
 * hole is not read, so that a large image of which little is in use costs little. */

#include "basic/sha256.h"

typedef struct RegionSum {
        Sha256 sum;
        uint64_t begin, end; /* of the data that was added last; begin == end: there was none */
} RegionSum;

void region_sum_init(RegionSum *s);

/* Upward. What follows without a gap belongs together, however it was divided. */
void region_sum_add(RegionSum *s, uint64_t offset, const void *data, size_t size);

void region_sum_text(RegionSum *s, uint64_t size, char buf[static SHA256_TEXT + 1]);
