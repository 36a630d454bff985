/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's own rules in nf_tables, read into memory to be walked through. */

#include "basic/cleanup.h"
#include "nat/obstacle.h"
#include "nat/walk.h"

typedef struct NftRules NftRules;

typedef struct NftRule NftRule;

typedef struct NftChain {
        uint8_t family; /* NFPROTO_… */
        char table[OBSTACLE_NAME_MAX], name[OBSTACLE_NAME_MAX];
        bool base;
        PacketHook hook; /* of a base chain */
        bool nat;        /* its type, else it filters */
        int priority;
        bool drops;         /* its policy */
        size_t first, last; /* rules, 0 = none */
} NftChain;

/* Tables of guests are left out. Loading them and walking through them takes 50 ms of processor
 * time at most, since it is done in the event loop. -E2BIG: they are too many; -EINTR: they keep
 * changing; -ETIME: that was not enough; others as in nft-netlink.h. */
int nft_rules_load(NftRules **ret);
NftRules *nft_rules_free(NftRules *r);
DEFINE_CLEANUP(NftRules *, nft_rules_free)

/* Has the time run out? Then what the last walk has found means nothing. */
bool nft_rules_late(const NftRules *r);

size_t nft_rules_chains(const NftRules *r, const NftChain **ret);
/* The rules of that chain's table, for walk(). */
Ruleset nft_rules_of(NftRules *r, const NftChain *chain);
