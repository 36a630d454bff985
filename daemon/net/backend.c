/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend.c - chooses between iptables and nftables, and explains their errors. */

#include "daemon/net/backend.h"
#include "basic/log.h"
#include "nat/nft-foreign.h"
#include "nat/nft-netlink.h"
#include "nat/nft-run.h"
#include "nat/xt-tables.h"

#define NO_LIBRARY "the host's own rules are in nftables, but libnftables is not installed"

static const NatBackend *const backends[RULES_BACKEND_MAX] = {
        [RULES_IPTABLES] = &nat_iptables,
        [RULES_NFTABLES] = &nat_nftables,
};

/* ---- the choice ---- */

/* Our rules belong where the host's own are: only there they have a defined order. Returns the
 * reason. */
static const char *choose_auto(const Net *net, const NatBackend **ret) {
        uint32_t generation;

        *ret = &nat_iptables;
        if (nft_generation(&generation) < 0)
                return "the host has no nf_tables";
        if (xt_host_has_rules() > 0)
                return "the host's own rules are in legacy tables";
        *ret = &nat_nftables;
        if (!xt_tables_there())
                return "the host has no legacy tables";
        if (nft_host_has_rules() <= 0) {
                *ret = &nat_iptables;
                return "the host has legacy tables";
        }
        if (net->host->quiet && !nft_has_library()) { /* else the attempt will tell */
                *ret = &nat_iptables;
                return NO_LIBRARY;
        }
        return "the host's own rules are in nftables";
}

static void use(Net *net, const NatBackend *backend, const char *why) {
        net->maker = (RulesMaker){ .nat.backend = backend,
                                   .wanted = net->host->config->backend,
                                   .why = why };
}

void net_backend_choose(Net *net) {
        const NatBackend *backend = backends[net->host->config->backend];
        const char *why = "Backend=";

        if (net->rules && net->maker.nat.backend && net->maker.wanted == net->host->config->backend)
                return;
        if (!backend)
                why = choose_auto(net, &backend);
        use(net, backend, why);
}

bool net_backend_retry(Net *net, int error) {
        uint32_t generation;

        if (net->host->config->backend != RULES_AUTO)
                return false;
        if (net->maker.nat.backend == &nat_nftables && error == -ENOPKG && xt_tables_there()) {
                use(net, &nat_iptables, NO_LIBRARY);
                return true;
        }
        if (net->maker.nat.backend == &nat_iptables && error == -ENOPROTOOPT &&
            !streq(net->maker.why, NO_LIBRARY) && nft_generation(&generation) >= 0) {
                use(net, &nat_nftables, "the host's legacy tables are incomplete");
                return true;
        }
        return false;
}

/* ---- removal ---- */

int net_backend_remove(Net *net) {
        int left = 0;

        FOREACH_ELEMENT (b, backends) {
                Nat other = { .backend = *b };
                bool used = net->maker.nat.backend == *b;
                Nat *nat = used ? &net->maker.nat : &other;
                NatRefusal refusal;
                int r;

                /* It is unknown which backend a predecessor used; if nothing may be changed there
                 * are no rules. */
                if (!*b || (net->maker.nat.backend && !used))
                        continue;
                r = nat->backend->remove(nat, net->host->config->name, &refusal);
                if (r < 0 && (used || r != -EPERM)) {
                        log_warning_errno(r, "%s %s: cannot remove the guest's rules, ignoring: %m",
                                          (*b)->tool[refusal.family], refusal.what);
                        left = r;
                }
        }
        net->maker = (RulesMaker){};
        return left;
}

/* ---- errors ---- */

static bool is_there(const NatBackend *backend) {
        uint32_t generation;

        return backend == &nat_nftables ? nft_generation(&generation) >= 0 : xt_tables_there();
}

/* The kernel lacks something; if it is the whole backend, the other one may work. */
static int fault_lacking(const Net *net, int error, const char *tool, const char *what, Fault *f) {
        const NatBackend *backend = net->maker.nat.backend,
                         *other = backend == &nat_iptables ? &nat_nftables : &nat_iptables;
        bool auto_helps = error == -ENOPROTOOPT && net->host->config->backend != RULES_AUTO &&
                          !is_there(backend) && is_there(other);

        if (!is_there(&nat_iptables) && !is_there(&nat_nftables))
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "this host's kernel has neither iptables nor nftables; ask the "
                                 "provider for iptables with NAT (OpenVZ: --netfilter full)");
        return fault_set(f, VERDICT_NETWORK, false, error,
                         "this host's kernel has no %s %s; %s%s%sask the provider for %s with NAT "
                         "(OpenVZ: --netfilter full)",
                         tool, what, auto_helps ? "set Backend=auto, which uses its " : "",
                         auto_helps ? other->name : "", auto_helps ? ", or " : "", backend->name);
}

int net_backend_fault(const Net *net, int error, const NatRefusal *refusal, Fault *f) {
        const NatBackend *backend = net->maker.nat.backend;
        const char *tool = backend->tool[refusal->family], *what = refusal->what;

        switch (-error) {
        case ENOPROTOOPT:
        case EOPNOTSUPP:
        case ENOENT:
                return fault_lacking(net, error, tool, what, f);
        case EPERM:
        case EACCES:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "%s %s: the host refuses changes (%m); ask the provider to "
                                 "allow %s with NAT in this container",
                                 tool, what, backend->name);
        case ENOPKG:
                return fault_set(f, VERDICT_NETWORK, true, error,
                                 "%s needs the library libnftables; install it (Debian: "
                                 "libnftables1), or set Backend=iptables",
                                 tool);
        case E2BIG:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "Forward=: too many rules; forward ranges to the same ports of "
                                 "the guest, which needs only one rule each");
        default:
                return fault_set(f, VERDICT_NETWORK, true, error,
                                 "%s %s: cannot set the guest's rules: %m", tool, what);
        }
}
