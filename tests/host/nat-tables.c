/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat-tables.c - a guest's plan, its tables, and a kernel that can be made to refuse. */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "nat-tables.h"

#include <linux/netfilter_ipv4/ip_tables.h>

NatKernel nat_kernel;

void nat_kernel_reset(void) {
        memset(&nat_kernel, 0, sizeof(nat_kernel));
        nat_kernel.max_revision = UINT8_MAX;
}

void nat_kernel_refuse(unsigned from, unsigned to, int error) {
        nat_kernel_reset();
        nat_kernel.refuse_from = from;
        nat_kernel.refuse_to = to;
        nat_kernel.refuse_with = error;
}

/* These two stand before libc's, for libiptc too. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
        if (level == IPPROTO_IP && name == IPT_SO_SET_REPLACE) {
                const char *disturb = nat_kernel.disturb;

                nat_kernel.disturb = NULL;
                if (disturb)
                        shell("%s", disturb);
                nat_kernel.commits++;
                if (nat_kernel.commits >= nat_kernel.refuse_from &&
                    nat_kernel.commits <= nat_kernel.refuse_to) {
                        errno = nat_kernel.refuse_with;
                        return -1;
                }
        }
        return (int) syscall(SYS_setsockopt, fd, level, name, value, size);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size) {
        const struct xt_get_revision *query = value;

        nat_kernel.reads += level == IPPROTO_IP && name == IPT_SO_GET_ENTRIES;
        if (level == IPPROTO_IP && name == IPT_SO_GET_INFO && nat_kernel.no_tables > 0) {
                errno = nat_kernel.no_tables;
                return -1;
        }
        if (level == IPPROTO_IP && name == IPT_SO_GET_INFO && nat_kernel.no_table &&
            streq(((const struct ipt_getinfo *) value)->name, nat_kernel.no_table)) {
                errno = ENOENT;
                return -1;
        }
        if (level == IPPROTO_IP && name == IPT_SO_GET_REVISION_TARGET && nat_kernel.no_masquerade &&
            streq(query->name, "MASQUERADE")) {
                errno = ENOENT;
                return -1;
        }
        if (level == IPPROTO_IP && name == IPT_SO_GET_REVISION_MATCH && nat_kernel.no_match &&
            streq(query->name, nat_kernel.no_match)) {
                errno = ENOENT;
                return -1;
        }
        if (level == IPPROTO_IP &&
            (name == IPT_SO_GET_REVISION_TARGET || name == IPT_SO_GET_REVISION_MATCH) &&
            query->revision > nat_kernel.max_revision) {
                errno = EPROTONOSUPPORT;
                return -1;
        }
        return (int) syscall(SYS_getsockopt, fd, level, name, value, size);
}

/* ---- the backend ---- */

#define GUESTS_MAX 4

static struct {
        char guest[16];
        Nat nat;
} known[GUESTS_MAX];

const NatBackend *tested_backend(void) {
        const char *name = getenv("UMLD_TEST_BACKEND");

        return name && streq(name, nat_nftables.name) ? &nat_nftables : &nat_iptables;
}

static Nat *nat_of(const char *guest) {
        FOREACH_ELEMENT (k, known) {
                if (!k->guest[0]) {
                        snprintf(k->guest, sizeof(k->guest), "%s", guest);
                        k->nat = (Nat){ .backend = tested_backend() };
                }
                if (streq(k->guest, guest))
                        return &k->nat;
        }
        fail_msg("more than %d guests", GUESTS_MAX);
        return NULL;
}

int nat_apply(const NatPlan *plan, NatRefusal *ret_refusal) {
        Nat *nat = nat_of(plan->guest);
        int r;

        while ((r = nat->backend->apply(nat, plan, ret_refusal)) == -EINPROGRESS)
                nat_wait(nat);
        return r;
}

int nat_check(const NatPlan *plan, NatRefusal *ret_refusal) {
        Nat *nat = nat_of(plan->guest);
        int r;

        while ((r = nat->backend->check(nat, plan, ret_refusal)) == -EINPROGRESS)
                nat_wait(nat);
        return r;
}

int nat_remove(const char *guest, NatRefusal *ret_refusal) {
        Nat *nat = nat_of(guest);
        int r;

        while ((r = nat->backend->remove(nat, guest, ret_refusal)) == -EINPROGRESS)
                nat_wait(nat);
        return r;
}

int nat_packets(const NatPlan *plan, const Forward *port, uint64_t *ret) {
        return tested_backend()->packets(nat_of(plan->guest), plan, port, ret);
}

bool nat_has_masquerade(NatFamily family) {
        return tested_backend()->has_masquerade(nat_of("web"), family);
}

/* ---- a plan and its tables ---- */

static const Forward forwards[] = {
        { FORWARD_TCP | FORWARD_UDP, 8000, 10000, 8000 },
        { FORWARD_TCP, 8080, 8080, 80 },
        { FORWARD_TCP, 2200, 2202, 22 },
        { FORWARD_UDP, 53, 53, 53 },
};

const NatPlan web = {
        .guest = "web",
        .tap = "tap0",
        .uplink = "venet0",
        .side[NAT_IPV4].guest_address.v4 = { 0x0200000a }, /* 10.0.0.2 */
        .side[NAT_IPV4].masquerade = true,
        .reach = NAT_REACH_INTERNET,
        .connections = 1000,
        .fresh = 2000,
        .has_mac = true,
        .mac = { 2, 0, 0, 0, 0, 9 },
        .forwards = forwards,
        .n_forwards = ARRAY_SIZE(forwards),
};

const char web_filter[] = "*filter\n"
                          ":INPUT ACCEPT\n"
                          ":FORWARD ACCEPT\n"
                          ":OUTPUT ACCEPT\n"
                          ":UMLD-CNT-web -\n"
                          ":UMLD-FROM-web -\n"
                          ":UMLD-FWD-web -\n"
                          ":UMLD-IN-web -\n"
                          ":UMLD-SND-web -\n"
                          ":UMLD-TO-web -\n"
                          ":UMLD-USER -\n"
                          "-A INPUT -i tap0 -j UMLD-IN-web\n"
                          "-A FORWARD -j UMLD-USER\n"
                          "-A FORWARD -i tap0 -j UMLD-FROM-web\n"
                          "-A FORWARD -o tap0 -j UMLD-TO-web\n"
                          "-A FORWARD -j UMLD-FWD-web\n"
                          "-A OUTPUT -o tap0 -j UMLD-SND-web\n"
                          "-A UMLD-CNT-web -i tap0 -m connlimit --connlimit-above 500 "
                          "--connlimit-mask 0 --connlimit-saddr -j DROP\n"
                          "-A UMLD-CNT-web -m connlimit --connlimit-above 1000 --connlimit-mask 0 "
                          "--connlimit-saddr -j DROP\n"
                          "-A UMLD-CNT-web -p tcp -m tcp -m limit --limit 10000/sec --limit-burst "
                          "10000 -j RETURN\n"
                          "-A UMLD-CNT-web -p tcp -m tcp -j DROP\n"
                          "-A UMLD-FROM-web -m mac ! --mac-source 02:00:00:00:00:09 -j DROP\n"
                          "-A UMLD-FROM-web ! -s 10.0.0.2/32 -j DROP\n"
                          "-A UMLD-FROM-web -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n"
                          "-A UMLD-FROM-web -j UMLD-CNT-web\n"
                          "-A UMLD-FROM-web -m conntrack --ctstate DNAT -j RETURN\n"
                          "-A UMLD-FROM-web -d 169.254.0.0/16 -j DROP\n"
                          "-A UMLD-FROM-web -d 100.100.100.200/32 -j DROP\n"
                          "-A UMLD-FROM-web -d 168.63.129.16/32 -j DROP\n"
                          "-A UMLD-FROM-web -d 192.0.0.192/32 -j DROP\n"
                          "-A UMLD-FROM-web -o venet0 -j RETURN\n"
                          "-A UMLD-FROM-web -j DROP\n"
                          "-A UMLD-FWD-web -s 10.0.0.2/32 -i tap0 -j ACCEPT\n"
                          "-A UMLD-FWD-web -d 10.0.0.2/32 -o tap0 -m conntrack --ctstate "
                          "RELATED,ESTABLISHED,DNAT -j ACCEPT\n"
                          "-A UMLD-IN-web -m mac ! --mac-source 02:00:00:00:00:09 -j DROP\n"
                          "-A UMLD-IN-web ! -s 10.0.0.2/32 -j DROP\n"
                          "-A UMLD-IN-web -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
                          "-A UMLD-IN-web -j UMLD-CNT-web\n"
                          "-A UMLD-SND-web -d 10.0.0.2/32 -j ACCEPT\n"
                          "-A UMLD-TO-web -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n"
                          "-A UMLD-TO-web -j UMLD-CNT-web\n"
                          "-A UMLD-TO-web -m conntrack --ctstate DNAT -j RETURN\n"
                          "-A UMLD-TO-web -j DROP\n"
                          "COMMIT\n";

const char web_nat[] =
        "*nat\n"
        ":PREROUTING ACCEPT\n"
        ":INPUT ACCEPT\n"
        ":OUTPUT ACCEPT\n"
        ":POSTROUTING ACCEPT\n"
        ":UMLD-POST-web -\n"
        ":UMLD-PRE-web -\n"
        "-A PREROUTING -i venet0 -j UMLD-PRE-web\n"
        "-A POSTROUTING -j UMLD-POST-web\n"
        "-A UMLD-POST-web -s 10.0.0.2/32 -o venet0 -j MASQUERADE\n"
        "-A UMLD-PRE-web -p tcp -m tcp --dport 8000:10000 -j DNAT --to-destination 10.0.0.2\n"
        "-A UMLD-PRE-web -p udp -m udp --dport 8000:10000 -j DNAT --to-destination 10.0.0.2\n"
        "-A UMLD-PRE-web -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80\n"
        "-A UMLD-PRE-web -p tcp -m tcp --dport 2200 -j DNAT --to-destination 10.0.0.2:22\n"
        "-A UMLD-PRE-web -p tcp -m tcp --dport 2201 -j DNAT --to-destination 10.0.0.2:23\n"
        "-A UMLD-PRE-web -p tcp -m tcp --dport 2202 -j DNAT --to-destination 10.0.0.2:24\n"
        "-A UMLD-PRE-web -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.0.2\n"
        "COMMIT\n";

/* Without comments and without the counters of chains. */
void assert_table(const char *table, const char *expected) {
        _cleanup_free_ char *text = shell_output(
                "iptables-legacy-save -t %s | sed '/^#/d; s/ \\[[0-9:]*\\]$//'", table);

        assert_string_equal(text, expected);
}

void assert_as_planned(void) {
        assert_table("filter", web_filter);
        assert_table("nat", web_nat);
}

int apply(const NatPlan *plan) {
        NatRefusal refusal;
        int r = nat_apply(plan, &refusal);

        if (r < 0)
                fail_msg("nat_apply: %s: %s", refusal.what, strerror(-r));
        return r;
}

int check(const NatPlan *plan) {
        NatRefusal refusal;

        return nat_check(plan, &refusal);
}

int take_away(const char *guest) {
        NatRefusal refusal;

        return nat_remove(guest, &refusal);
}

int nat_setup(void **state) {
        nat_kernel_reset();
        memset(known, 0, sizeof(known));
        private_net_renew();
        return 0;
}
