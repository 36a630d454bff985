/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt-tables.c - finds, loads and opens the legacy tables. */

#include "basic/cleanup.h"
#include "basic/file-util.h"

#include "host/modprobe.h"
#include "nat/xt-read.h"
#include "nat/xt-tables.h"

#include <linux/netfilter_ipv4/ip_tables.h>

#define NAMES_MAX 4096

static const char *const table_modules[NAT_TABLE_MAX][NAT_FAMILY_MAX] = {
        [NAT_TABLE_FILTER] = { "iptable_filter", "ip6table_filter" },
        [NAT_TABLE_NAT] = { "iptable_nat", "ip6table_nat" },
        [NAT_TABLE_MANGLE] = { "iptable_mangle", "ip6table_mangle" },
};

static const struct {
        const char *module, *names;
} families[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = { "ip_tables", "/proc/self/net/ip_tables_names" },
        [NAT_IPV6] = { "ip6_tables", "/proc/self/net/ip6_tables_names" },
};

/* The libraries report errors by errno, of either sign; 0 means that they and the kernel speak
 * different versions of the protocol. */
int xt_error(void) {
        return errno != 0 ? -abs(errno) : -EPROTO;
}

static bool no_such_table(int error) {
        return error == -ENOPROTOOPT || error == -ENOENT;
}

/* A host that has no modules will not have them a moment later: they are asked for once. */
static struct {
        bool asked;
        Child child;
} modules[NAT_FAMILY_MAX];

/* -EINPROGRESS: they are being loaded. */
static int load_modules_once(NatFamily family) {
        const char *names[NAT_TABLE_MAX + 2] = { families[family].module };
        Child *c = &modules[family].child;

        for (NatTable t = 0; t < NAT_TABLE_MAX; t++)
                names[t + 1] = table_modules[t][family];
        if (!modules[family].asked && modprobe_start(names, c) < 0)
                child_done(c);
        modules[family].asked = true;
        if (!child_there(c))
                return 0;
        if (child_poll(c) == 0)
                return -EINPROGRESS;
        child_done(c);
        return 0;
}

int xt_modules_fd(void) {
        FOREACH_ELEMENT (m, modules)
                if (child_there(&m->child))
                        return m->child.output;
        return -EBADF;
}

/* If memory runs out in the middle of a table, the library continues with the half that it has:
 * committing that would delete the host's other rules, and a chain without a policy aborts. Only
 * errno tells. */
static struct xtc_handle *take_snapshot(const XtLibrary *xt, NatTable table) {
        struct xtc_handle *h;

        errno = 0;
        h = xt->init(xt_table_name(table));
        if (!h || xt_error() != -ENOMEM)
                return h;
        xt->free(h);
        errno = ENOMEM;
        return NULL;
}

void xt_table_done(XtTable *t) {
        if (t->handle)
                t->xt->free(t->handle);
}

NatRefusal xt_refusal(NatFamily family, NatTable table) {
        static const char *const words[NAT_TABLE_MAX] = {
                [NAT_TABLE_FILTER] = "table filter",
                [NAT_TABLE_NAT] = "table nat",
                [NAT_TABLE_MANGLE] = "table mangle",
        };

        return (NatRefusal){ words[table], family, table };
}

int xt_table_open(const XtLibrary *xt, NatFamily family, NatTable table, struct xtc_handle **ret) {
        struct xtc_handle *h = take_snapshot(xt, table);

        if (!h && no_such_table(xt_error())) {
                int r = load_modules_once(family);

                if (r < 0)
                        return r;
                h = take_snapshot(xt, table);
        }
        if (!h)
                return no_such_table(xt_error()) || errno == EAFNOSUPPORT ? -ENOPROTOOPT
                                                                          : xt_error();
        *ret = h;
        return 0;
}

unsigned xt_tables_in_use(NatFamily family) {
        _cleanup_free_ char *names = NULL;
        char *rest, *line;
        unsigned in_use = 0;
        ssize_t n = read_file(families[family].names, NAMES_MAX, &names);

        if (n < 0) /* a kernel without the list, or not permitted: look */
                return n == -ENOENT ? 0 : (1U << NAT_TABLE_MAX) - 1;
        rest = names;
        while ((line = strsep(&rest, "\n")))
                for (NatTable t = 0; t < NAT_TABLE_MAX; t++)
                        if (streq(line, xt_table_name(t)))
                                in_use |= 1U << t;
        return in_use;
}

bool xt_table_in_use(NatFamily family, NatTable table) {
        return xt_tables_in_use(family) & 1U << table;
}

/* The kernel itself is queried, because a container's /proc may show more or less than there is.
 * Without permission for that, /proc has to do. */
bool xt_tables_there(void) {
        int r = nat_tables_known(NAT_IPV4);

        return r == -EPERM ? access(families[NAT_IPV4].names, F_OK) >= 0 : r != -ENOPROTOOPT;
}

/* ---- the host's own rules ---- */

bool xt_is_ours(const char *chain) {
        return startswith(chain, "UMLD-");
}

static bool chain_is_foreign(const XtLibrary *xt, const char *chain, struct xtc_handle *h) {
        const char *policy = xt->policy(chain, h);

        if (xt_is_ours(chain))
                return false;
        if (policy && !streq(policy, "ACCEPT"))
                return true;
        for (const void *e = xt->first_rule(chain, h); e; e = xt->next_rule(e, h))
                if (!xt_is_ours(xt->target(e, h)))
                        return true;
        return false;
}

static int table_is_foreign(NatFamily family, NatTable table) {
        const XtLibrary *xt = xt_reader(family);
        struct xtc_handle *h;
        bool found = false;
        int r;

        if (!xt_table_in_use(family, table))
                return 0;
        r = xt_table_open(xt, family, table, &h);
        if (r < 0)
                return r == -ENOPROTOOPT ? 0 : r;
        for (const char *c = xt->first_chain(h); c && !found; c = xt->next_chain(h))
                found = chain_is_foreign(xt, c, h);
        xt->free(h);
        return found;
}

int xt_host_has_rules(void) {
        for (NatFamily f = 0; f < NAT_FAMILY_MAX; f++)
                for (NatTable t = 0; t < NAT_TABLE_MAX; t++) {
                        int r = table_is_foreign(f, t);

                        if (r != 0)
                                return r;
                }
        return 0;
}
