/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-foreign.c - inspects the host's own nftables; never changes them. */

#include "nat/nft-foreign.h"
#include "nat/nft-netlink.h"
#include "nat/nft-script.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define ATTEMPTS 5

static bool is_foreign(const NftObject *o) {
        return !startswith(o->table, NFT_TABLE_PREFIX) && !streq(o->table, NFT_USER_TABLE);
}

/* Again if something changed meanwhile. */
static int foreach_again(NftKind kind, int (*fn)(const NftObject *o, void *userdata),
                         void *userdata) {
        int r = -EINTR;

        for (int i = 0; i < ATTEMPTS && r == -EINTR; i++)
                r = nft_foreach(kind, fn, userdata);
        return r;
}

static bool drops_by_policy(const NftObject *chain) {
        uint32_t policy;

        return nft_number(chain->attributes, chain->size, NFTA_CHAIN_POLICY, &policy) &&
               policy == NF_DROP;
}

static int find_dropping_chain(const NftObject *o, void *userdata) {
        return is_foreign(o) && drops_by_policy(o);
}

static int find_rule(const NftObject *o, void *userdata) {
        return is_foreign(o);
}

int nft_host_has_rules(void) {
        int r = foreach_again(NFT_CHAINS, find_dropping_chain, NULL);

        return r != 0 ? r : foreach_again(NFT_RULES, find_rule, NULL);
}
