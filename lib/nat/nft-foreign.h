/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the host's own nftables contain, apart from the tables of guests. */

#include "basic/macro.h"

/* 1 = the host has rules there, or a chain with a drop policy; 0 = it has not. Errors as in
 * nft-netlink.h. */
int nft_host_has_rules(void);
