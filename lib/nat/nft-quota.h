/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A quota of nf_tables, as an object with a name. */

#include <stdbool.h>
#include <stdint.h>

/* How many bytes of it have been used; again: it is reset, which the kernel's audit records.
 * Neither counts as a change of the tables. -ENOENT: there is no such quota; fails like the queries
 * of nat/nft-netlink.h. */
int nft_quota(uint8_t family, const char *table, const char *name, bool again, uint64_t *ret);
