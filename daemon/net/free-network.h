/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Pure: which of the private networks are free. Those that a guest may get are the /24 of
 * 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16, in this order. Addresses are in the byte order of
 * the host. */

#include <stdint.h>

#include "basic/macro.h"

enum {
        FREE_NETWORK_PREFIX = 24,
        FREE_NETWORKS = 65536 + 4096 + 256,
};

/* One bit for each network: is it in use? {}: none is. */
typedef struct FreeNetworks {
        uint8_t taken[FREE_NETWORKS / 8];
} FreeNetworks;

static inline uint32_t network_first(uint32_t address, unsigned prefix) {
        return prefix == 0 ? 0 : address & (UINT32_MAX << (32 - prefix));
}

static inline uint32_t network_last(uint32_t address, unsigned prefix) {
        return prefix >= 32 ? address : network_first(address, prefix) | (UINT32_MAX >> prefix);
}

static inline bool networks_overlap(uint32_t a, unsigned a_prefix, uint32_t b, unsigned b_prefix) {
        unsigned wide = MIN(a_prefix, b_prefix);

        return network_first(a, wide) == network_first(b, wide);
}

/* Marks all that overlap this network. */
void free_networks_take(FreeNetworks *f, uint32_t address, unsigned prefix);

/* The first that is not in use. -ENOSPC: all are. */
int free_networks_first(const FreeNetworks *f, uint32_t *ret);
