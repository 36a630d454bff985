/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nft-foreign.c - what is seen of the host's own tables, of either kind. */

#include "private-net.h"

#include "nat/nft-events.h"
#include "nat/nft-foreign.h"
#include "nat/nft-netlink.h"
#include "nat/xt-tables.h"

#include <linux/netfilter.h>

static int setup(void **state) {
        (void) state;
        private_net_renew();
        return 0;
}

static void test_host_has_rules(void **state) {
        (void) state;
        assert_int_equal(nft_host_has_rules(), 0);
        shell("nft 'add table inet umld-web; add chain inet umld-web c; add rule inet umld-web c "
              "drop'");
        assert_int_equal(nft_host_has_rules(), 0); /* a guest's */
        /* As a distribution's nftables.service leaves it where nobody has added anything. */
        shell("nft 'add table inet filter; add chain inet filter input { type filter hook input "
              "priority 0; }'");
        assert_int_equal(nft_host_has_rules(), 0);
        shell("nft 'add chain inet filter input { policy drop; }'");
        assert_int_equal(nft_host_has_rules(), 1);
        shell("nft 'add chain inet filter input { policy accept; }; add rule inet filter input "
              "iifname lo accept'");
        assert_int_equal(nft_host_has_rules(), 1);
}

static void test_legacy_rules(void **state) {
        (void) state;
        assert_true(xt_tables_there());
        assert_int_equal(xt_host_has_rules(), 0);
        shell("test -z \"$(cat /proc/net/ip_tables_names)\""); /* looking brings none into use */
        shell("iptables-legacy -N UMLD-FWD-web && iptables-legacy -A UMLD-FWD-web -j ACCEPT && "
              "iptables-legacy -A FORWARD -j UMLD-FWD-web");
        assert_int_equal(xt_host_has_rules(), 0);
        shell("iptables-legacy -P FORWARD DROP");
        assert_int_equal(xt_host_has_rules(), 1);
        shell("iptables-legacy -P FORWARD ACCEPT && iptables-legacy -t nat -A POSTROUTING -o eth0 "
              "-j MASQUERADE");
        assert_int_equal(xt_host_has_rules(), 1);
        shell("iptables-legacy -t nat -F && ip6tables-legacy -A INPUT -i lo -j ACCEPT");
        assert_int_equal(xt_host_has_rules(), 1);
}

static void test_legacy_barrier(void **state) {
        static const char *const closed[] = { "-P FORWARD DROP", "-A FORWARD -j DROP",
                                              "-A FORWARD -j REJECT" };

        (void) state;
        assert_int_equal(xt_forward_drops("tap0"), 0);
        shell("test -z \"$(cat /proc/net/ip_tables_names)\"");
        shell("iptables-legacy -A FORWARD -i eth0 -j DROP");
        assert_int_equal(xt_forward_drops("tap0"), 0);
        FOREACH_ELEMENT (c, closed) {
                shell("iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F; iptables-legacy %s",
                      *c);
                assert_int_equal(xt_forward_drops("tap0"), 1);
        }
        shell("iptables-legacy -I FORWARD -i tap0 -j ACCEPT");
        assert_int_equal(xt_forward_drops("tap0"), 0);
}

#define FORWARD_CHAIN(family, table, policy)                                                       \
        "add table " family " " table "; add chain " family " " table                              \
        " c { type filter hook forward priority 0; policy " policy "; }; "

/* Rules of other programs, and how many chains are in the way then. */
static const struct {
        const char *commands;
        int barriers;
} cases[] = {
        { "", 0 },
        { FORWARD_CHAIN("inet", "a", "accept"), 0 },
        { FORWARD_CHAIN("inet", "a", "drop"), 1 },
        { FORWARD_CHAIN("ip", "a", "drop") FORWARD_CHAIN("inet", "b", "drop"), 2 },
        { FORWARD_CHAIN("inet", "umld-db", "drop"), 0 },
        { FORWARD_CHAIN("inet", "a", "accept") "add rule inet a c counter drop", 1 },
        { FORWARD_CHAIN("inet", "a", "accept") "add rule inet a c log counter reject", 1 },
        { FORWARD_CHAIN("inet", "a", "accept") "add rule inet a c iifname eth0 drop", 0 },
        { FORWARD_CHAIN("inet", "a", "accept") "add rule inet a c drop; add rule inet a c accept",
          0 },
        { FORWARD_CHAIN("inet", "a", "drop") "add rule inet a c iifname tap1 accept", 1 },
        { FORWARD_CHAIN("inet", "a", "drop") "add rule inet a c iifname tap0 accept", 0 },
        { FORWARD_CHAIN("inet", "a", "drop") "add chain inet a more; add rule inet a c jump more; "
                                             "add rule inet a more oifname tap0 accept",
          0 },
        { "add table inet a; add chain inet a c { type filter hook input priority 0; policy drop; "
          "}",
          0 },
        { "add table bridge a; add chain bridge a c { type filter hook forward priority 0; policy "
          "drop; }",
          0 },
};

static void test_barriers(void **state) {
        NftBarrier barriers[NFT_BARRIERS_MAX];

        (void) state;
        FOREACH_ELEMENT (c, cases) {
                shell("nft 'flush ruleset; %s'", c->commands);
                if (nft_forward_barriers("tap0", false, barriers) != c->barriers)
                        fail_msg("not %d: %s", c->barriers, c->commands);
        }
        shell("nft 'flush ruleset; " FORWARD_CHAIN("ip6", "a", "drop") "'");
        assert_int_equal(nft_forward_barriers("tap0", false, barriers), 0);
        assert_int_equal(nft_forward_barriers("tap0", true, barriers), 1);
}

static void test_rules_before(void **state) {
        (void) state;
        assert_int_equal(nft_forward_rules_before(-1), 0);
        shell("nft 'add table ip a; add chain ip a early { type filter hook forward priority -2; "
              "}; add chain ip a late { type filter hook forward priority 0; }; add rule ip a "
              "early counter; add rule ip a early drop; add rule ip a late drop'");
        assert_int_equal(nft_forward_rules_before(-1), 2);
        assert_int_equal(nft_forward_rules_before(1), 3);
        assert_int_equal(nft_forward_rules_before(-2), 0);
        shell("nft 'add table inet umld-db; add chain inet umld-db c { type filter hook forward "
              "priority -9; }; add rule inet umld-db c accept'");
        assert_int_equal(nft_forward_rules_before(-1), 2); /* a guest's */
}

/* As iptables-nft(8) writes it, with which most hosts came to nftables. */
static void test_iptables_nft(void **state) {
        NftBarrier barriers[NFT_BARRIERS_MAX];

        (void) state;
        shell("iptables-nft -A FORWARD -j REJECT --reject-with icmp-host-prohibited");
        assert_int_equal(nft_host_has_rules(), 1);
        assert_int_equal(nft_forward_barriers("tap0", false, barriers), 1);
        assert_int_equal(barriers[0].family, NFPROTO_IPV4);
        assert_string_equal(barriers[0].table, "filter");
        assert_string_equal(barriers[0].chain, "FORWARD");
        shell("iptables-nft -F FORWARD && iptables-nft -P FORWARD DROP");
        assert_int_equal(nft_forward_barriers("tap0", false, barriers), 1);
        shell("iptables-nft -A FORWARD -o tap0 -j ACCEPT");
        assert_int_equal(nft_forward_barriers("tap0", false, barriers), 0);
}

/* One transaction is one event, and only another program's is told of. */
static void test_events(void **state) {
        int fd = nft_events_open();

        (void) state;
        ASSERT_OK(fd);
        assert_int_equal(nft_events_drain(fd), 0);
        shell("nft 'add table inet own; add chain inet own a; add chain inet own b'");
        assert_int_equal(nft_events_drain(fd), 1);
        assert_int_equal(nft_events_drain(fd), 0);
        shell("nft list ruleset");
        assert_int_equal(nft_events_drain(fd), 0);
        assert_int_equal(nft_delete("own"), 1);
        assert_int_equal(nft_events_drain(fd), 0);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_host_has_rules, setup),
                cmocka_unit_test_setup(test_legacy_rules, setup),
                cmocka_unit_test_setup(test_legacy_barrier, setup),
                cmocka_unit_test_setup(test_barriers, setup),
                cmocka_unit_test_setup(test_rules_before, setup),
                cmocka_unit_test_setup(test_iptables_nft, setup),
                cmocka_unit_test_setup(test_events, setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
