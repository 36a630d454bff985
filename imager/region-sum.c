/* SPDX-License-Identifier: GPL-2.0-or-later */
/* region-sum.c - the checksum of a file with holes. */

#include <endian.h>

#include "imager/region-sum.h"

void region_sum_init(RegionSum *s) {
        *s = (RegionSum){};
        sha256_init(&s->sum);
}

static void add_number(RegionSum *s, uint64_t n) {
        n = htole64(n);
        sha256_add(&s->sum, &n, sizeof(n));
}

static void end_region(RegionSum *s) {
        if (s->begin == s->end)
                return;
        add_number(s, s->begin);
        add_number(s, s->end);
}

void region_sum_add(RegionSum *s, uint64_t offset, const void *data, size_t size) {
        if (size == 0)
                return;
        if (offset != s->end || s->begin == s->end) {
                end_region(s);
                s->begin = s->end = offset;
        }
        sha256_add(&s->sum, data, size);
        s->end += size;
}

void region_sum_text(RegionSum *s, uint64_t size, char buf[static SHA256_TEXT + 1]) {
        end_region(s);
        add_number(s, size);
        sha256_text(&s->sum, buf);
}
