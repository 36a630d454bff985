/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-partition.c - any bytes as the beginning of a disk: what is found lies on a disk. */

#include "fuzz.h"

#include "image/partition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Partition p = { .number = 4711 };

        if (partition_find(data, size, &p) < 0) {
                assert(p.number == 4711);
                return 0;
        }
        assert(p.number >= 1 && p.offset > 0 && p.size > 0);
        assert(p.offset <= INT64_MAX && p.size <= INT64_MAX - p.offset);
        return 0;
}
