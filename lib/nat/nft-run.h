/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Runs commands in the syntax of nft(8) through libnftables. */

#include "basic/macro.h"

#define NFT_COMMAND_MAX 256

typedef struct NftRefusal {
        char text[128];                /* the error as libnftables reports it */
        char command[NFT_COMMAND_MAX]; /* the rejected line, as far as it fits, and of lists the
                                          first element; "" = unknown */
} NftRefusal;

/* Executes all commands in one transaction, or none of them. On failure *ret_refusal says more, and
 * the result is the kernel's error if it is known. -ENOPKG: this host has no libnftables. */
int nft_run(const char *commands, NftRefusal *ret_refusal);

/* Does this host have a usable libnftables? Without running anything. */
bool nft_has_library(void);
