/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nft-foreign.c - what is seen of the host's own tables, of either kind. */

#include "private-net.h"

#include "nat/nft-events.h"
#include "nat/nft-foreign.h"
#include "nat/nft-table.h"
#include "nat/xt-tables.h"

#include <linux/netfilter.h>

static int setup(void **state) {
        private_net_renew();
        return 0;
}

static void test_host_has_rules(void **state) {
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

/* One transaction is one event, and only another program's is told of. */
static void test_events(void **state) {
        int fd = nft_events_open();

        ASSERT_OK(fd);
        assert_int_equal(nft_events_drain(fd), 0);
        shell("nft 'add table inet own; add chain inet own a; add chain inet own b'");
        assert_int_equal(nft_events_drain(fd), 1);
        assert_int_equal(nft_events_drain(fd), 0);
        shell("nft list ruleset");
        assert_int_equal(nft_events_drain(fd), 0);
        assert_int_equal(nft_delete("own", NULL, NULL), 1);
        assert_int_equal(nft_events_drain(fd), 0);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_host_has_rules, setup),
                cmocka_unit_test_setup(test_legacy_rules, setup),
                cmocka_unit_test_setup(test_events, setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
