/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Commands in nft(8)'s language, by libnftables. */

#include "basic/macro.h"

#define NFT_COMMAND_MAX 256

typedef struct NftRefusal {
        char text[128];                /* as libnftables says it */
        char command[NFT_COMMAND_MAX]; /* the line that was refused, as far as it fits, and of lists
                                          the first element; "" = not told */
} NftRefusal;

/* Carries out all of the commands as one transaction, or none of them. On failure *ret_refusal says
 * more, and the value is the kernel's where it can be told. -ENOPKG: this host has no libnftables.
 */
int nft_run(const char *commands, NftRefusal *ret_refusal);

/* Has this host a libnftables that can be used? For those who only look. */
bool nft_has_library(void);
