/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks-net.c - doctor: taps, firewall rules, and what of the host is in their way. */

#include <arpa/inet.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "daemon/doctor/doctor.h"
#include "daemon/net/conditions.h"
#include "daemon/net/gather.h"
#include "host/nfqueue.h"
#include "host/tap.h"
#include "nat/nat-try.h"
#include "nat/nft-foreign.h"
#include "nat/nft-netlink.h"
#include "nat/nft-run.h"
#include "nat/xt-tables.h"

/* ---- TUN ---- */

void check_tun(Exam *e) {
        int r = tap_driver_try();

        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "/dev/net/tun works");
        else if (r == -EPERM)
                exam_tell_error(e, r,
                                "the device control group of this container forbids it: enable "
                                "TUN/TAP in the provider's panel, or ask the provider for it",
                                "/dev/net/tun");
        else if (r == -ENOENT)
                exam_tell(e, DOCTOR_FAULT,
                          "enable TUN/TAP in the provider's panel; if it is enabled: mkdir -p "
                          "/dev/net && mknod -m 600 /dev/net/tun c 10 200",
                          "there is no /dev/net/tun");
        else if (r == -ENODEV)
                exam_tell(e, DOCTOR_FAULT,
                          "modprobe tun, or in a container enable TUN/TAP in the provider's panel",
                          "the host's kernel has no TUN driver behind /dev/net/tun");
        else
                exam_tell(e, DOCTOR_FAULT, "replace it: mknod -m 600 /dev/net/tun c 10 200",
                          "/dev/net/tun is not the node of the TUN driver");
}

/* ---- the two kinds of tables ---- */

void check_iptables(Exam *e) {
        bool there = xt_tables_there();
        int r = there ? xt_host_has_rules() : 0;

        if (geteuid() != 0)
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "only root can tell");
        else if (!there)
                exam_tell(e, DOCTOR_OK, "", "the host's kernel has no legacy tables");
        else
                exam_tell(e, DOCTOR_OK, "", "the host has legacy tables, %s",
                          r > 0    ? "with rules of its own in them"
                          : r == 0 ? "without rules of its own in them"
                                   : "which cannot be read completely");
}

/* The host's rules in both are no fault, but nobody looks at both. */
void check_nftables(Exam *e) {
        uint32_t generation;
        int r = nft_generation(&generation), rules;

        if (r == -ENOPROTOOPT) {
                exam_tell(e, DOCTOR_OK, "", "the host's kernel has no nf_tables");
                return;
        }
        if (r < 0) {
                exam_tell(e, DOCTOR_UNKNOWN, geteuid() == 0 ? "" : "run it as root",
                          "nf_tables cannot be read: %s", strerror(-r));
                return;
        }
        rules = nft_host_has_rules();
        if (rules < 0)
                exam_tell(e, DOCTOR_UNKNOWN, geteuid() == 0 ? "" : "run it as root",
                          "the rules in nf_tables cannot be read: %s", strerror(-rules));
        else if (rules > 0 && xt_host_has_rules() > 0)
                exam_tell(e, DOCTOR_WARNING, "see iptables-legacy-save and nft list ruleset",
                          "the host has rules of its own in nf_tables and in legacy tables, and "
                          "a packet has to pass both");
        else if (rules > 0 && !nft_has_library())
                exam_tell(e, DOCTOR_WARNING, "install it (Debian: libnftables1)",
                          "the host's own rules are in nf_tables, but libnftables is missing");
        else
                exam_tell(e, DOCTOR_OK, "", "the host has nf_tables, %s, %s",
                          rules > 0 ? "with rules of its own in them"
                                    : "without rules of its own in them",
                          nft_has_library() ? "and libnftables" : "but no libnftables");
}

/* ---- a guest's rules, tried where nobody sees them ---- */

/* The one that a guest would use, or that a trial chooses. */
static const NatBackend *backend_of(const Exam *e) {
        const NatBackend *b = e->setup ? e->setup->net->maker.nat.backend : NULL;

        if (b)
                return b;
        return xt_tables_there() || !nft_has_library() ? &nat_iptables : &nat_nftables;
}

/* -ENOTUNIQ: unknown. */
static int try_rules(const Exam *e, bool snat, const NatBackend **ret,
                     char what[static NAT_TRY_WHAT_MAX]) {
        const NatBackend *first = backend_of(e);
        bool any = !e->config || e->config->backend == RULES_AUTO;
        int r;

        *ret = first;
        r = nat_try(first, snat, what);
        if (r >= 0 || r == -ENOTUNIQ || !any)
                return r;
        *ret = first == &nat_iptables ? &nat_nftables : &nat_iptables;
        if (nat_try(*ret, snat, (char[NAT_TRY_WHAT_MAX]){ 0 }) >= 0)
                return 0;
        *ret = first;
        return r;
}

static const char *rules_remedy(int r) {
        return r == -ENOPKG  ? "install libnftables (Debian: libnftables1)"
               : r == -EPERM ? "ask the provider to allow iptables with NAT in this container"
                             : "ask the provider for iptables with NAT (OpenVZ: --netfilter full)";
}

void check_rules(Exam *e) {
        char what[NAT_TRY_WHAT_MAX] = "";
        const NatBackend *backend;
        int r = try_rules(e, false, &backend, what);

        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "MASQUERADE and DNAT work with %s", backend->name);
        else if (geteuid() != 0)
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "only root can tell");
        else if (r == -ENOTUNIQ)
                exam_tell(e, DOCTOR_UNKNOWN, "",
                          "the rules of a guest were not tried, because the host allows no network "
                          "namespaces");
        else
                exam_tell(e, DOCTOR_FAULT, rules_remedy(r), "%s: %s does not work (%s)",
                          backend->name, *what ? what : "NAT", strerror(-r));
}

/* Needed with SNATAddress= only, or where MASQUERADE is missing. */
void check_snat(Exam *e) {
        char what[NAT_TRY_WHAT_MAX] = "";
        const NatBackend *backend;
        int r = try_rules(e, true, &backend, what);

        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "works with %s", backend->name);
        else if (geteuid() == 0 && r != -ENOTUNIQ)
                exam_tell(e, DOCTOR_WARNING, rules_remedy(r), "%s: %s does not work (%s)",
                          backend->name, *what ? what : "NAT", strerror(-r));
        else
                exam_tell(e, DOCTOR_UNKNOWN, geteuid() == 0 ? "" : "run it as root", "not tried");
}

void check_queue(Exam *e) {
        NfQueue *q = NULL;
        int r = nfqueue_new(NULL, NULL, &q);

        nfqueue_free(q);
        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "connections can wait while a guest restarts");
        else if (geteuid() != 0)
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "only root can tell");
        else
                exam_tell(e, DOCTOR_WARNING, "",
                          "the host has no netfilter queues (%s), so new connections to a guest "
                          "fail while it restarts",
                          strerror(-r));
}

/* ---- steps ---- */

void check_network(Exam *e) {
        const Config *c = e->config;
        char host[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN];

        if (!exam_tell_step(e, "network"))
                exam_tell(e, DOCTOR_OK, "", "host %s/%u, guest %s%s",
                          inet_ntop(AF_INET, &c->host_address, host, sizeof(host)), c->host_prefix,
                          inet_ntop(AF_INET, &c->guest_address, guest, sizeof(guest)),
                          e->name ? "" : " would be free");
}

void check_tap(Exam *e) {
        if (!exam_tell_step(e, "tap"))
                exam_tell(e, DOCTOR_OK, "", "%s", e->config->tap);
}

void check_plan(Exam *e) {
        char names[UPLINKS_TEXT_MAX];

        if (!exam_tell_step(e, "rules"))
                exam_tell(e, DOCTOR_OK, "", "%s; rules by %s (%s)",
                          uplinks_format(&e->setup->net->uplinks[NAT_IPV4], names),
                          e->setup->net->maker.nat.backend->name, e->setup->net->maker.why);
}

void check_relays(Exam *e) {
        if (e->config && e->config->n_proxies > 0 && !exam_tell_step(e, "relays"))
                exam_tell(e, DOCTOR_OK, "", "all ports of Proxy= are free");
}

/* ---- conditions ---- */

static void tell_condition(Exam *e, const Condition *c) {
        static const DoctorVerdict verdicts[CONDITION_STATE_MAX] = {
                [CONDITION_OK] = DOCTOR_OK,
                [CONDITION_UNKNOWN] = DOCTOR_UNKNOWN,
                [CONDITION_WARNING] = DOCTOR_WARNING,
                [CONDITION_BROKEN] = DOCTOR_FAULT,
        };

        exam_tell_as(e, condition_table[c->kind].name, verdicts[c->state], c->remedy, "",
                     *c->text ? c->text : condition_table[c->kind].relies);
}

/* Which of them are there only while a guest is running, or have a check of their own here. */
static const bool later[CONDITION_MAX] = {
        [CONDITION_TAP] = true,         [CONDITION_RULES] = true,     [CONDITION_FORWARDING] = true,
        [CONDITION_FORWARDING6] = true, [CONDITION_PROXY_NDP] = true, [CONDITION_DISK_SPACE] = true,
        [CONDITION_DIRECTORIES] = true,
};
static const bool elsewhere[CONDITION_MAX] = {
        [CONDITION_CONNTRACK] = true,
        [CONDITION_MEMORY] = true,
};

static bool is_shown(const Condition *c) {
        return c->state != CONDITION_UNUSED && !elsewhere[c->kind] &&
               (!later[c->kind] || condition_is_told(c));
}

void check_conditions(Exam *e) {
        const ExamStep *network = exam_step(e, "network");
        const ConditionList *list;

        if (!network || network->r < 0) {
                exam_tell(e, DOCTOR_UNKNOWN, "", "not checked, because of the findings above");
                return;
        }
        net_conditions_look(e->setup->net);
        list = net_conditions(e->setup->net);
        for (size_t i = 0; i < list->n; i++)
                if (is_shown(&list->v[i]))
                        tell_condition(e, &list->v[i]);
}

/* By the condition of the same name, which does not depend on a guest. */
void check_conntrack(Exam *e) {
        _cleanup_(condition_list_done) ConditionList list = {};
        HostFacts f = {};
        const Condition *c;

        net_gather_counters(&f);
        if (condition_table[CONDITION_CONNTRACK].judge(&f, &list) < 0)
                return;
        c = condition_list_worst(&list, CONDITION_CONNTRACK);
        if (c->state == CONDITION_OK)
                exam_tell(e, DOCTOR_OK, "",
                          "%" PRIu64 " of at most %" PRIu64 " connections are tracked", f.tracked,
                          f.tracked_max);
        else if (c->state == CONDITION_UNKNOWN)
                exam_tell(e, DOCTOR_UNKNOWN, "",
                          "the host does not show how many connections it tracks; it may track "
                          "none yet");
        else
                exam_tell(e, DOCTOR_WARNING, c->remedy, "%s", c->text);
}
