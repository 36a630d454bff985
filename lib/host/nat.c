/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - makes the legacy tables hold a guest's chains, by libiptc.
 *
 * A table is taken as a snapshot, edited in memory until it holds what is planned, and given back
 * whole if that changed anything: one commit that packets see all at once. Applying, removing and
 * checking are one edit: removing plans chains without rules, checking ends before the commit. */

#include "basic/file-util.h"

#include "host/modprobe.h"
#include "host/nat-blob.h"
#include "host/nat-plan.h"

#include <libiptc/libiptc.h>

#define COMMIT_ATTEMPTS 5
#define NAMES_MAX       4096

DEFINE_CLEANUP(struct xtc_handle *, iptc_free)

static const struct {
        const char *name, *what, *module;
} tables[NAT_TABLE_MAX] = {
        [NAT_TABLE_FILTER] = { "filter", "table filter", "iptable_filter" },
        [NAT_TABLE_NAT] = { "nat", "table nat", "iptable_nat" },
};

/* libiptc reports by errno; 0 means that it and the kernel do not speak the same version. */
static int iptc_error(void) {
        return errno > 0 ? -errno : -EPROTO;
}

static bool no_such_table(int error) {
        return error == -ENOPROTOOPT || error == -ENOENT;
}

/* The modules are asked for once: a host that has none will not have them a moment later. */
static void load_modules_once(void) {
        static bool tried = false;

        if (tried)
                return;
        tried = true;
        if (modprobe("ip_tables") == -EOPNOTSUPP)
                return;
        for (size_t i = 0; i < NAT_TABLE_MAX; i++)
                (void) modprobe(tables[i].module);
}

static int table_open(NatTable table, struct xtc_handle **ret) {
        struct xtc_handle *h = iptc_init(tables[table].name);

        if (!h && no_such_table(iptc_error())) {
                load_modules_once();
                h = iptc_init(tables[table].name);
        }
        if (!h)
                return no_such_table(iptc_error()) ? -ENOPROTOOPT : iptc_error();
        *ret = h;
        return 0;
}

/* Is the table in use in this network namespace? A mere look by libiptc would make it so. */
static bool table_in_use(NatTable table) {
        _cleanup_free_ char *names = NULL;
        char *rest, *line;

        if (read_file("/proc/self/net/ip_tables_names", NAMES_MAX, &names) < 0)
                return true; /* not told, so look */
        rest = names;
        while ((line = strsep(&rest, "\n")))
                if (streq(line, tables[table].name))
                        return true;
        return false;
}

/* A table on its way through an edit. */
typedef struct TableEdit {
        struct xtc_handle *handle; /* NULL = nothing to do here */
        bool changed;
} TableEdit;

typedef struct NatEdit {
        NatChains *chains;
        TableEdit table[NAT_TABLE_MAX];
        bool fresh; /* no chain of ours was there */
        NatRevisions revisions;
        bool revisions_known;
} NatEdit;

static void nat_edit_done(NatEdit *edit) {
        for (size_t i = 0; i < NAT_TABLE_MAX; i++)
                iptc_freep(&edit->table[i].handle);
}

/* Asked for only where something is to be written, which a check every few seconds does not. */
static void encode(NatEdit *edit, const NatRule *rule, NatBlob *ret) {
        if (!edit->revisions_known)
                nat_revisions_probe(&edit->revisions);
        edit->revisions_known = true;
        nat_blob_encode(rule, &edit->revisions, ret);
}

static bool chain_as_planned(struct xtc_handle *h, const NatChain *chain) {
        const struct ipt_entry *e = iptc_first_rule(chain->name, h);
        size_t n = 0;

        for (; e; e = iptc_next_rule(e, h), n++) {
                NatRule rule;

                if (n == chain->n_rules || !nat_blob_decode(e, iptc_get_target(e, h), &rule) ||
                    !nat_rule_equal(&rule, &chain->rules[n]))
                        return false;
        }
        return n == chain->n_rules;
}

/* Flushes the chain and writes it anew. */
static int chain_fill(NatEdit *edit, const NatChain *chain) {
        struct xtc_handle *h = edit->table[chain->table].handle;

        if (!iptc_flush_entries(chain->name, h))
                return iptc_error();
        for (size_t i = 0; i < chain->n_rules; i++) {
                NatBlob blob;

                encode(edit, &chain->rules[i], &blob);
                if (!iptc_append_entry(chain->name, &blob.entry, h))
                        return iptc_error();
        }
        return 0;
}

/* How many rules of that chain jump to target? *ret_right says whether the first of them is as
 * planned. */
static unsigned count_jumps(struct xtc_handle *h, const char *in_chain, const NatRule *planned,
                            bool *ret_right) {
        const struct ipt_entry *e = iptc_first_rule(in_chain, h);
        unsigned n = 0;

        for (; e; e = iptc_next_rule(e, h)) {
                NatRule rule;

                if (!streq(iptc_get_target(e, h), planned->chain))
                        continue;
                if (n++ == 0)
                        *ret_right = nat_blob_decode(e, planned->chain, &rule) &&
                                     nat_rule_equal(&rule, planned);
        }
        return n;
}

/* Deletes all rules of in_chain that jump to target. */
static int delete_jumps(struct xtc_handle *h, const char *in_chain, const char *target) {
        const struct ipt_entry *e = iptc_first_rule(in_chain, h);
        unsigned at = 0;

        while (e) {
                if (!streq(iptc_get_target(e, h), target)) {
                        e = iptc_next_rule(e, h);
                        at++;
                        continue;
                }
                if (!iptc_delete_num_entry(in_chain, at, h))
                        return iptc_error();
                /* The walk ends with the entry; begin again and skip those that were seen. */
                e = iptc_first_rule(in_chain, h);
                for (unsigned i = 0; e && i < at; i++)
                        e = iptc_next_rule(e, h);
        }
        return 0;
}

/* 1 = changed. One right jump is left where it stands, whatever else the hook holds by now: two
 * programs that both insist on the first place would never come to rest. */
static int jump_sync(NatEdit *edit, const NatChain *chain) {
        struct xtc_handle *h = edit->table[chain->table].handle;
        bool right = false;
        unsigned n = count_jumps(h, chain->hook, &chain->jump, &right);
        NatBlob blob;
        int r;

        if (n == 1 && right)
                return 0;
        r = delete_jumps(h, chain->hook, chain->name);
        if (r < 0)
                return r;
        encode(edit, &chain->jump, &blob);
        if (chain->first)
                r = iptc_insert_entry(chain->hook, &blob.entry, 0, h);
        else
                r = iptc_append_entry(chain->hook, &blob.entry, h);
        return r ? 1 : iptc_error();
}

/* 1 = removed, 0 = was not there. Jumps go first, wherever they are: a chain in use cannot be
 * deleted. */
static int chain_remove(struct xtc_handle *h, const NatChain *chain) {
        if (!iptc_is_chain(chain->name, h))
                return 0;
        for (const char *c = iptc_first_chain(h); c; c = iptc_next_chain(h)) {
                int r = delete_jumps(h, c, chain->name);

                if (r < 0)
                        return r;
        }
        if (!iptc_flush_entries(chain->name, h) || !iptc_delete_chain(chain->name, h))
                return iptc_error();
        return 1;
}

/* 1 = changed, 0 = was already as planned. */
static int chain_sync(NatEdit *edit, const NatChain *chain) {
        struct xtc_handle *h = edit->table[chain->table].handle;
        bool changed = false;
        int r;

        if (chain->n_rules == 0)
                return chain_remove(h, chain);
        if (!iptc_is_chain(chain->name, h)) {
                if (!iptc_create_chain(chain->name, h))
                        return iptc_error();
                changed = true;
        }
        if (!chain_as_planned(h, chain)) {
                r = chain_fill(edit, chain);
                if (r < 0)
                        return r;
                changed = true;
        }
        r = jump_sync(edit, chain);
        return r < 0 ? r : changed || r > 0;
}

static int table_edit(NatEdit *edit, NatTable table) {
        TableEdit *t = &edit->table[table];
        bool wanted = false;
        int r;

        for (size_t i = 0; i < NAT_CHAIN_MAX; i++)
                wanted |=
                        edit->chains->chain[i].table == table && edit->chains->chain[i].n_rules > 0;
        if (!wanted && !table_in_use(table))
                return 0;
        r = table_open(table, &t->handle);
        if (r < 0)
                return !wanted && r == -ENOPROTOOPT ? 0 : r;
        for (size_t i = 0; i < NAT_CHAIN_MAX; i++) {
                const NatChain *c = &edit->chains->chain[i];

                if (c->table != table)
                        continue;
                if (iptc_is_chain(c->name, t->handle))
                        edit->fresh = false;
                r = chain_sync(edit, c);
                if (r < 0)
                        return r;
                t->changed |= r > 0;
        }
        return 0;
}

/* Takes snapshots of the tables and edits them. */
static int nat_edit_prepare(NatEdit *edit, NatChains *chains, const char **ret_what) {
        *edit = (NatEdit){ .chains = chains, .fresh = true };
        for (NatTable t = 0; t < NAT_TABLE_MAX; t++) {
                int r = table_edit(edit, t);

                if (r < 0) {
                        *ret_what = tables[t].what;
                        return r;
                }
        }
        return 0;
}

/* Names what a refused commit may have been refused for: an extension the kernel lacks, or the
 * table. */
static int commit_refused(const NatChains *chains, NatTable table, int error,
                          const char **ret_what) {
        *ret_what = tables[table].what;
        if (error == -EPERM || error == -EAGAIN || error == -ENOMEM)
                return error;
        for (const NatChain *c = chains->chain; c < chains->chain + NAT_CHAIN_MAX; c++)
                for (size_t i = 0; c->table == table && i < c->n_rules; i++) {
                        const char *missing = nat_missing_feature(&c->rules[i]);

                        if (missing) {
                                *ret_what = missing;
                                return -EOPNOTSUPP;
                        }
                }
        return error;
}

/* libiptc carries the counters of rules over to the new table, but those of policies only if told
 * to. */
static int keep_policy_counters(struct xtc_handle *h) {
        for (const char *c = iptc_first_chain(h); c; c = iptc_next_chain(h)) {
                struct xt_counters counters;
                const char *policy;

                if (!iptc_builtin(c, h))
                        continue;
                policy = iptc_get_policy(c, &counters, h);
                if (!policy || !iptc_set_policy(c, policy, &counters, h))
                        return iptc_error();
        }
        return 0;
}

/* 1 = some table was changed, 0 = none had to be. */
static int nat_edit_commit(NatEdit *edit, const char **ret_what) {
        bool changed = false;

        for (NatTable t = 0; t < NAT_TABLE_MAX; t++) {
                struct xtc_handle *h = edit->table[t].handle;
                int r;

                if (!edit->table[t].changed)
                        continue;
                r = keep_policy_counters(h);
                if (r >= 0 && !iptc_commit(h))
                        r = iptc_error();
                if (r < 0)
                        return commit_refused(edit->chains, t, r, ret_what);
                changed = true;
        }
        return changed;
}

static int nat_commit(NatChains *chains, bool *ret_fresh, const char **ret_what) {
        int r = -EAGAIN;

        /* Somebody who does not take the lock may change a table between our look and our commit:
         * the kernel then says EAGAIN, older ones EINVAL. */
        for (int i = 0; i < COMMIT_ATTEMPTS && (r == -EAGAIN || r == -EINVAL); i++) {
                _cleanup_(nat_edit_done) NatEdit edit = {};

                r = nat_edit_prepare(&edit, chains, ret_what);
                if (i == 0)
                        *ret_fresh = edit.fresh;
                if (r >= 0)
                        r = nat_edit_commit(&edit, ret_what);
        }
        return r;
}

int nat_apply(const NatPlan *plan, const char **ret_what) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        bool fresh = false;
        int r = nat_chains_plan(&chains, plan);

        if (r < 0) {
                *ret_what = "port forwards";
                return r;
        }
        r = nat_commit(&chains, &fresh, ret_what);
        if (r < 0 && fresh) {
                const char *ignored;

                /* The first table may have been committed: half of a set-up is worse than none,
                 * while an older one that still works is better than none. */
                (void) nat_remove(plan->guest, &ignored);
        }
        return r;
}

bool nat_has_masquerade(void) {
        const NatRule rule = { .verdict = NAT_MASQUERADE };

        return !nat_missing_feature(&rule);
}

int nat_remove(const char *guest, const char **ret_what) {
        NatChains chains;
        bool fresh;

        nat_chains_init(&chains, guest);
        return nat_commit(&chains, &fresh, ret_what);
}

int nat_check(const NatPlan *plan, const char **ret_what) {
        _cleanup_(nat_chains_done) NatChains chains = {};
        _cleanup_(nat_edit_done) NatEdit edit = {};
        int r = nat_chains_plan(&chains, plan);

        if (r < 0) {
                *ret_what = "port forwards";
                return r;
        }
        r = nat_edit_prepare(&edit, &chains, ret_what);
        if (r < 0)
                return r;
        for (size_t i = 0; i < NAT_TABLE_MAX; i++)
                if (edit.table[i].changed)
                        return 0;
        return 1;
}

static bool leads_port(const NatRule *rule, const Forward *port) {
        uint8_t protocol = port->protocols == FORWARD_TCP ? IPPROTO_TCP : IPPROTO_UDP;

        return rule->verdict == NAT_DNAT && rule->protocol == protocol &&
               rule->first_port <= port->host_first && port->host_first <= rule->last_port;
}

int nat_packets(const char *guest, const Forward *port, uint64_t *ret) {
        _cleanup_(iptc_freep) struct xtc_handle *h = NULL;
        NatChains chains;
        const NatChain *pre = &chains.chain[NAT_CHAIN_PRE];
        int r;

        nat_chains_init(&chains, guest);
        if (!table_in_use(pre->table))
                return -ENOENT;
        r = table_open(pre->table, &h);
        if (r < 0)
                return r;
        if (!iptc_is_chain(pre->name, h))
                return -ENOENT;
        for (const struct ipt_entry *e = iptc_first_rule(pre->name, h); e;
             e = iptc_next_rule(e, h)) {
                NatRule rule;

                if (!nat_blob_decode(e, iptc_get_target(e, h), &rule) || !leads_port(&rule, port))
                        continue;
                *ret = e->counters.pcnt;
                return 0;
        }
        return -ENOENT;
}

int nat_foreign_before(const char *guest) {
        _cleanup_(iptc_freep) struct xtc_handle *h = NULL;
        NatChains chains;
        const NatChain *fwd = &chains.chain[NAT_CHAIN_FWD];
        int r, n = 0;

        nat_chains_init(&chains, guest);
        if (!table_in_use(fwd->table))
                return -ENOENT;
        r = table_open(fwd->table, &h);
        if (r < 0)
                return r;
        for (const struct ipt_entry *e = iptc_first_rule(fwd->hook, h); e;
             e = iptc_next_rule(e, h)) {
                const char *target = iptc_get_target(e, h);

                if (streq(target, fwd->name))
                        return n;
                n += !startswith(target, "UMLD-FWD-"); /* other guests' */
        }
        return -ENOENT;
}
