/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nftables.c - makes an nf_tables table hold a guest's chains.
 *
 * The table is the guest's own, so it is replaced as a whole, in one transaction, which is atomic
 * for packets. A fingerprint of the result is kept, and the generation of the ruleset: as long as
 * the generation does not change, nothing can have changed; if it has, which the host's own
 * firewall causes too, the fingerprint tells. */

#include "basic/cleanup.h"
#include "basic/hash.h"

#include "nat/nft-netlink.h"
#include "nat/nft-quota.h"
#include "nat/nft-run.h"
#include "nat/nft-script.h"
#include "nat/nft-table.h"
#include "nat/plan.h"

#include <linux/netfilter.h>

#define COMMIT_ATTEMPTS 5

/* Something that may be rejected. */
#define CHAIN_TYPE_NAT "chain type nat"
#define MASQUERADE     "statement masquerade"

/* The planned rules, as commands. */
typedef struct Commands {
        char table[NFT_TABLE_NAME_MAX];
        char *text;
        uint64_t hash; /* of the text */
} Commands;

static void commands_done(Commands *c) {
        free(c->text);
}

static int refuse(NatRefusal *ret, const char *what, int error) {
        *ret = (NatRefusal){ .what = what };
        return error;
}

static int commands_make(const Nat *nat, const NatPlan *plan, Commands *c, NatRefusal *ret) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        int r = nat_chains_plan(&chains, plan);

        if (r < 0)
                return refuse(ret, "port forwards", r);
        nft_table_name(plan->guest, c->table);
        r = nft_script(&chains, c->table, !nat->no_inet_nat, &c->text);
        if (r < 0)
                return refuse(ret, "names of interfaces", r);
        c->hash = hash_bytes(HASH_BASIS, c->text, strlen(c->text));
        return 0;
}

/* Features that a kernel may lack, by the commands that need them. */
static const struct {
        const char *word, *what;
        NatTable table;
} features[] = {
        { " mangle { type ", "chain type filter", NAT_TABLE_MANGLE },
        { " type filter ", "chain type filter", NAT_TABLE_FILTER },
        { " type nat ", CHAIN_TYPE_NAT, NAT_TABLE_NAT },
        { " dnat ip", "statement dnat", NAT_TABLE_NAT },
        { " snat ip", "statement snat", NAT_TABLE_NAT },
        { " masquerade", MASQUERADE, NAT_TABLE_NAT },
        { " maxseg ", "statement tcp option", NAT_TABLE_MANGLE },
        { " log group ", NAT_WHAT_LOG, NAT_TABLE_MANGLE },
        { " queue ", NAT_WHAT_QUEUE, NAT_TABLE_MANGLE },
        { " ct count ", NAT_WHAT_CONNLIMIT, NAT_TABLE_FILTER },
        { " quota ", NAT_WHAT_QUOTA, NAT_TABLE_FILTER },
        { " ether saddr ", NAT_WHAT_MAC, NAT_TABLE_FILTER },
        { " ct st", "expression ct", NAT_TABLE_FILTER },
};

/* Maps the error of a transaction to what is missing. */
static int transaction_refused(Nat *nat, const NftRefusal *refusal, int error, NatRefusal *ret) {
        const char *command = refusal->command;

        if (error == -ENOPKG)
                return refuse(ret, "library libnftables", error);
        refuse(ret, "table", error);
        if (error != -ENOENT && error != -EOPNOTSUPP)
                return error;
        FOREACH_ELEMENT (f, features)
                if (strstr(command, f->word)) {
                        NatFamily family = strstr(command, " ip6 ") || strstr(command, "-ip6 ")
                                                   ? NAT_IPV6
                                                   : NAT_IPV4;

                        *ret = (NatRefusal){ f->what, family, f->table };
                        nat->no_masquerade[family] |= streq(f->what, MASQUERADE);
                        return -EOPNOTSUPP;
                }
        return error;
}

static void forget(Nat *nat) {
        nat->commands = nat->fingerprint = 0;
        nat->generation = 0;
}

/* The kernel's generation after one more transaction. */
static uint32_t successor(uint32_t generation) {
        return generation == UINT32_MAX ? 1 : generation + 1;
}

/* ---- a transaction, which a child carries out ---- */

typedef struct NftJob {
        NftRun *run;
        char table[NFT_TABLE_NAME_MAX];
        uint64_t hash;       /* of its commands */
        uint32_t generation; /* before it */
} NftJob;

static NftJob *job_free(NftJob *job) {
        if (!job)
                return NULL;
        nft_run_free(job->run);
        free(job);
        return NULL;
}
DEFINE_CLEANUP(NftJob *, job_free)

static int job_begin(Nat *nat, const Commands *c, NatRefusal *ret) {
        _cleanup_(job_freep) NftJob *job = calloc(1, sizeof(*job));
        _cleanup_free_ char *text = NULL;
        NftLook before, user;
        int r;

        if (!job)
                return refuse(ret, "table", -ENOMEM);
        r = nft_look(c->table, &before);
        if (r >= 0)
                r = nft_look(NFT_USER_TABLE, &user);
        if (r < 0)
                return refuse(ret, "tables", r);
        r = nft_script_replace(c->text, c->table, before.families, user.families == 0, &text);
        if (r >= 0)
                r = nft_run_start(text, nat->lock_fd, &job->run);
        if (r < 0)
                return refuse(ret, "table", r);
        strcpy(job->table, c->table);
        job->hash = c->hash;
        job->generation = before.generation;
        nat->job = TAKE_PTR(job);
        return 0;
}

/* 1 = done, and *nat has the result; -EINPROGRESS: not yet; -EAGAIN: somebody else's transaction
 * came between our checks, so that the result is not certain. */
static int job_finish(Nat *nat, NatRefusal *ret) {
        _cleanup_(job_freep) NftJob *job = NULL;
        NftRefusal refusal;
        NftLook after;
        int r = nft_run_poll(nat->job->run, &refusal);

        if (r == -EAGAIN)
                return refuse(ret, "table", -EINPROGRESS);
        job = TAKE_PTR(nat->job);
        if (r < 0) /* the old table is still there, or the next check will notice */
                return transaction_refused(nat, &refusal, r, ret);
        forget(nat);
        r = nft_look(job->table, &after);
        if (r >= 0 && after.generation != successor(job->generation))
                r = -EAGAIN;
        if (r < 0)
                return refuse(ret, "tables", r);
        nat->commands = job->hash;
        nat->fingerprint = after.fingerprint;
        nat->generation = after.generation;
        return 1;
}

/* A transaction in progress may be for a previous plan: then it is completed first. */
static int commit(Nat *nat, const Commands *c, NatRefusal *ret) {
        for (;;) {
                bool ours = !nat->job || nat->job->hash == c->hash;
                int r = nat->job ? 0 : job_begin(nat, c, ret);

                if (r >= 0)
                        r = job_finish(nat, ret);
                if (r == -EINPROGRESS)
                        return r;
                if (ours && (r != -EAGAIN || ++nat->races >= COMMIT_ATTEMPTS)) {
                        nat->races = 0;
                        return r;
                }
        }
}

/* 1 = the table is as those commands created it, 0 = it is not. */
static int as_made(Nat *nat, const Commands *c, NatRefusal *ret) {
        NftLook look, user;
        uint32_t generation;
        int r = nft_generation(&generation);

        if (r < 0)
                return refuse(ret, "tables", r);
        if (nat->job)
                return refuse(ret, "table", -EINPROGRESS);
        if (nat->commands != c->hash)
                return 0;
        if (generation == nat->generation)
                return 1;
        r = nft_look(c->table, &look);
        if (r < 0)
                return r == -EAGAIN ? 1 : refuse(ret, "tables", r); /* the next check will tell */
        if (look.fingerprint != nat->fingerprint)
                return 0;
        r = nft_look(NFT_USER_TABLE, &user);
        if (r < 0 || user.families == 0)
                return r >= 0 ? 0 : r == -EAGAIN ? 1 : refuse(ret, "tables", r);
        nat->generation = look.generation;
        return 1;
}

static int nat_check(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal) {
        _cleanup_(commands_done) Commands c = {};
        int r = commands_make(nat, plan, &c, ret_refusal);

        return r < 0 ? r : as_made(nat, &c, ret_refusal);
}

static int apply_once(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal) {
        _cleanup_(commands_done) Commands c = {};
        int r = commands_make(nat, plan, &c, ret_refusal);

        if (r >= 0 && !nat->job)
                r = as_made(nat, &c, ret_refusal);
        if (r != 0)
                return MIN(r, 0);
        return commit(nat, &c, ret_refusal);
}

static int nat_apply(Nat *nat, const NatPlan *plan, NatRefusal *ret_refusal) {
        int r = apply_once(nat, plan, ret_refusal);

        if (r != -EOPNOTSUPP || nat->no_inet_nat || !streq(ret_refusal->what, CHAIN_TYPE_NAT))
                return r;
        nat->no_inet_nat = true;
        return apply_once(nat, plan, ret_refusal);
}

static int nat_cancel(Nat *nat) {
        NftRefusal ignored;

        if (!nat->job)
                return 0;
        nft_run_kill(nat->job->run);
        if (nft_run_poll(nat->job->run, &ignored) == -EAGAIN)
                return -EINPROGRESS;
        nat->job = job_free(nat->job);
        return 0;
}

static int nat_remove(Nat *nat, const char *guest, NatRefusal *ret_refusal) {
        char table[NFT_TABLE_NAME_MAX];
        int r = nat_cancel(nat); /* otherwise it may still create what is removed here */

        if (r >= 0)
                r = nft_delete(nft_table_name(guest, table), NFT_USER_TABLE, NFT_TABLE_PREFIX);
        if (r < 0)
                return refuse(ret_refusal, "table", r);
        forget(nat);
        return r;
}

static uint8_t family_of(const Nat *nat, const NatChain *chain) {
        static const uint8_t families[NAT_FAMILY_MAX] = { NFPROTO_IPV4, NFPROTO_IPV6 };

        return nat->no_inet_nat ? families[chain->family] : NFPROTO_INET;
}

/* For the rule that implements the n-th of a chain. */
static int rule_packets(const Nat *nat, const char *guest, const NatChain *chain, size_t n,
                        uint64_t *ret) {
        char table[NFT_TABLE_NAME_MAX], name[NFT_CHAIN_NAME_SIZE];

        return nft_packets(family_of(nat, chain), nft_table_name(guest, table),
                           nft_chain_name(chain->family, chain->name, !nat->no_inet_nat, name),
                           nft_rule_place(chain, n), ret);
}

static int nat_packets(Nat *nat, const NatPlan *plan, const Forward *port, uint64_t *ret) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        uint64_t sum = 0, packets;
        bool found = false;
        int r = nat_chains_plan(&chains, plan);

        for (NatFamily f = 0; r >= 0 && f < NAT_FAMILY_MAX; f++) {
                const NatChain *pre = nat_chain(&chains, f, NAT_CHAIN_PRE);

                for (size_t i = 0; i < pre->n_rules; i++)
                        if (nat_rule_leads(&pre->rules[i], port) &&
                            rule_packets(nat, plan->guest, pre, i, &packets) >= 0) {
                                sum += packets;
                                found = true;
                        }
        }
        if (r < 0 || !found)
                return r < 0 ? r : -ENOENT;
        *ret = sum;
        return 0;
}

/* Each rule of the table once: rules of the plan that are in a map share one. */
static void tell_counts(const NatChain *chain, const size_t *places, size_t *sharing,
                        const NatCount *counts, NatCounted fn, void *userdata) {
        for (size_t i = 0; i < chain->n_rules; i++)
                sharing[places[i]]++;
        for (size_t i = 0; i < chain->n_rules; i++) {
                size_t n = sharing[places[i]];

                sharing[places[i]] = 0;
                if (n > 0 && chain->rules[i].verdict == NAT_DNAT)
                        fn(&chain->rules[i], n, &counts[places[i]], userdata);
        }
}

static int count_chain(const Nat *nat, const char *guest, const NatChain *chain, NatCounted fn,
                       void *userdata) {
        _cleanup_free_ NatCount *counts = calloc(chain->n_rules + 1, sizeof(*counts));
        _cleanup_free_ size_t *places = calloc(chain->n_rules + 1, sizeof(*places));
        _cleanup_free_ size_t *sharing = calloc(chain->n_rules + 1, sizeof(*sharing));
        char table[NFT_TABLE_NAME_MAX], name[NFT_CHAIN_NAME_SIZE];
        int r;

        if (!counts || !places || !sharing)
                return -ENOMEM;
        r = nft_counts(family_of(nat, chain), nft_table_name(guest, table),
                       nft_chain_name(chain->family, chain->name, !nat->no_inet_nat, name), counts,
                       chain->n_rules);
        if (r < 0)
                return r;
        nft_rule_places(chain, places);
        tell_counts(chain, places, sharing, counts, fn, userdata);
        return 0;
}

static int nat_count(Nat *nat, const NatPlan *plan, NatCounted fn, void *userdata) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        int r = nat_chains_plan(&chains, plan);

        for (NatFamily f = 0; r >= 0 && f < NAT_FAMILY_MAX; f++) {
                const NatChain *pre = nat_chain(&chains, f, NAT_CHAIN_PRE);

                if (pre->n_rules > 0)
                        r = count_chain(nat, plan->guest, pre, fn, userdata);
        }
        return r;
}

static int nat_fresh(const Nat *nat, const char *guest, bool again, uint64_t *ret) {
        static const uint8_t both[] = { NFPROTO_INET }, each[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
        char table[NFT_TABLE_NAME_MAX];
        uint64_t bytes, sum = 0;
        int found = -ENOENT;

        nft_table_name(guest, table);
        for (size_t i = 0; i < (nat->no_inet_nat ? ARRAY_SIZE(each) : ARRAY_SIZE(both)); i++) {
                int r = nft_quota(nat->no_inet_nat ? each[i] : both[i], table, NFT_FRESH_QUOTA,
                                  again, &bytes);

                if (r < 0 && r != -ENOENT) /* a guest need not have both */
                        return r;
                if (r >= 0) {
                        sum += bytes;
                        found = 0;
                }
        }
        if (found >= 0)
                *ret = sum / NFT_FRESH_BYTES;
        return found;
}

/* Known only after a transaction has been rejected. */
static bool nat_has_masquerade(const Nat *nat, NatFamily family) {
        return !nat->no_masquerade[family];
}

static int nat_wait_fd(const Nat *nat) {
        return nat->job ? nft_run_fd(nat->job->run) : -EBADF;
}

const NatBackend nat_nftables = {
        .name = "nftables",
        .tool = { [NAT_IPV4] = "nftables", [NAT_IPV6] = "nftables" },
        .apply = nat_apply,
        .check = nat_check,
        .remove = nat_remove,
        .packets = nat_packets,
        .count = nat_count,
        .fresh = nat_fresh,
        .has_masquerade = nat_has_masquerade,
        .wait_fd = nat_wait_fd,
        .cancel = nat_cancel,
};
