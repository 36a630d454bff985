/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Commands in nft(8)'s language, by libnftables in a child. */

#include "basic/cleanup.h"

#define NFT_COMMAND_MAX 256

typedef struct NftRefusal {
        char text[128];                /* the error as libnftables reports it */
        char command[NFT_COMMAND_MAX]; /* the rejected line, as far as it fits, and of lists the
                                          first element; "" = unknown */
} NftRefusal;

typedef struct NftRun NftRun;

/* Begins to carry out all of the commands as one transaction, or none of them. The child keeps
 * lock_fd open for as long as it lives; -EBADF: there is none. */
int nft_run_start(const char *commands, int lock_fd, NftRun **ret);

/* What came of it; -EAGAIN: nothing yet, ask again when nft_run_fd() is readable, or soon where
 * that is negative. On failure *ret_refusal says more, and the value is the kernel's where it can
 * be told. -ENOPKG: this host has no libnftables; -ETIMEDOUT: it took too long, and was killed. */
int nft_run_poll(NftRun *run, NftRefusal *ret_refusal);
int nft_run_fd(const NftRun *run);

/* Tells it to end; nft_run_poll() reports when it has. */
void nft_run_kill(NftRun *run);

/* Kills it if it is still running. */
NftRun *nft_run_free(NftRun *run);
DEFINE_CLEANUP(NftRun *, nft_run_free)

/* Does this host have a usable libnftables? Without running anything. */
bool nft_has_library(void);
