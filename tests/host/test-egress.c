/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-egress.c - who stops a SYN: nobody, a rule or a route of the host's own, in both families.
 */

#include "private-net.h"

#include "host/egress.h"

static const struct {
        const char *address, *iptables, *ip;
} families[] = {
        { "10.9.0.2", "iptables-legacy", "ip -4" },
        { "fd09::2", "ip6tables-legacy", "ip -6" },
};

static int setup(void **state) {
        private_net_renew();
        shell("ip link add v0 type veth peer name v1 && ip link set v1 up && ip address add "
              "10.9.0.1/24 dev v0 && ip address add "
              "fd09::1/64 dev v0 nodad && ip link set v0 up");
        return 0;
}

static int try(const char *address) {
        IpAddress to;

        ASSERT_OK(ip_address_parse(address, &to));
        return egress_try(&to, 33333, 80);
}

static void test_goes_out(void **state) {
        FOREACH_ELEMENT (f, families) {
                shell("%s -A OUTPUT -p tcp --syn --sport 33333 --dport 80 -d %s", f->iptables,
                      f->address);
                ASSERT_OK(try(f->address));
                shell("%s -nvxL OUTPUT | awk 'NR == 3 { exit $1 != 1 }'", f->iptables);
        }
}

static void test_rules(void **state) {
        static const char *const rules[] = { "-j DROP", "-j REJECT",
                                             "-p tcp -j REJECT --reject-with tcp-reset" };

        FOREACH_ELEMENT (f, families) {
                FOREACH_ELEMENT (rule, rules) {
                        shell("%s -A OUTPUT -d %s %s", f->iptables, f->address, *rule);
                        ASSERT_ERROR(try(f->address), EPERM);
                        shell("%s -F", f->iptables);
                        ASSERT_OK(try(f->address));
                }
                shell("nft 'add table inet t; add chain inet t c { type filter hook postrouting "
                      "priority 50; policy drop; }'");
                ASSERT_ERROR(try(f->address), EPERM);
                shell("nft delete table inet t");
        }
}

static void test_routes(void **state) {
        FOREACH_ELEMENT (f, families) {
                shell("%s route add unreachable %s", f->ip, f->address);
                ASSERT_ERROR(try(f->address), EHOSTUNREACH);
                shell("%s route del unreachable %s && %s address flush dev v0", f->ip, f->address,
                      f->ip);
                assert_string_equal(egress_explain(try(f->address)),
                                    "the host has no route to the guest");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_goes_out, setup),
                cmocka_unit_test_setup(test_rules, setup),
                cmocka_unit_test_setup(test_routes, setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
