/* SPDX-License-Identifier: GPL-2.0-or-later */
/* free-network.c - the first private network that nobody uses. */

#include "daemon/net/free-network.h"

static const struct {
        uint32_t first;
        unsigned prefix, n; /* n: networks of FREE_NETWORK_PREFIX in it */
} blocks[] = {
        { 0x0a000000, 8, 65536 }, /* 10.0.0.0/8 */
        { 0xac100000, 12, 4096 }, /* 172.16.0.0/12 */
        { 0xc0a80000, 16, 256 },  /* 192.168.0.0/16 */
};

static void take(FreeNetworks *f, unsigned from, unsigned to) {
        for (unsigned i = from; i <= to; i++)
                f->taken[i / 8] |= (uint8_t) (1u << i % 8);
}

void free_networks_take(FreeNetworks *f, uint32_t address, unsigned prefix) {
        uint32_t first = network_first(address, prefix), last = network_last(address, prefix);
        unsigned base = 0;

        FOREACH_ELEMENT (b, blocks) {
                uint32_t end = network_last(b->first, b->prefix), from = MAX(first, b->first),
                         to = MIN(last, end);

                if (from <= to)
                        take(f, base + ((from - b->first) >> 8), base + ((to - b->first) >> 8));
                base += b->n;
        }
}

int free_networks_first(const FreeNetworks *f, uint32_t *ret) {
        unsigned i = 0;

        FOREACH_ELEMENT (b, blocks)
                for (unsigned k = 0; k < b->n; k++, i++)
                        if (!(f->taken[i / 8] & (1u << i % 8))) {
                                *ret = b->first + (k << 8);
                                return 0;
                        }
        return -ENOSPC;
}
