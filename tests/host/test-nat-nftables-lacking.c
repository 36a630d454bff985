/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-nftables-lacking.c - nf_tables that lack something, refuse, or are changed by others at
 * the same time. */

#include <unistd.h>

#include "nft-tables.h"

/* Before Linux 5.2 there is no nat for both families in one table. */
static void test_no_inet_nat(void **state) {
        NatPlan plan = full_plan();

        nft_kernel.no_inet_nat = true;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        assert_int_equal(apply(&plan), 0);
        shell("test \"$(nft list tables)\" = 'table inet umld\ntable ip umld-web\ntable ip6 "
              "umld-web'");
        shell("nft list chain ip umld-web UMLD-PRE-web | grep -q 'dnat to 10.0.0.2:80'");
        shell("nft list chain ip6 umld-web UMLD-PRE-web | grep -q 'dnat to \\[fd00::2\\]:80'");
        plan.forwards = &(Forward){ FORWARD_TCP, 30000, 30010, 20000 }; /* in a map */
        assert_int_equal(apply(&plan), 1);
        shell("nft list chain ip umld-web UMLD-PRE-web | tr -d '\\n\\t' | grep -q 'dnat to "
              "10.0.0.2:tcp dport map {.*30010 : 20010'");
        shell("nft list chain ip6 umld-web UMLD-PRE-web | tr -d '\\n\\t' | grep -q 'dnat to "
              "\\[fd00::2\\]:tcp dport map {.*30010 : 20010'");
        shell("nft flush chain ip6 umld-web UMLD-PRE-web");
        assert_int_equal(check(&plan), 0);
        assert_int_equal(apply(&plan), 1);
        /* Both nat hooks, for kernels that need the one to undo what the other does. */
        plan.n_forwards = 0;
        assert_int_equal(apply(&plan), 1);
        shell("nft list chain ip umld-web prerouting | grep -q 'type nat'");
        assert_int_equal(take_away("web"), 1);
        assert_nothing();
}

/* Somebody's transaction comes between our looks: it cannot be told then what is whose. */
static void test_race(void **state) {
        NatRefusal refusal;

        nft_kernel.disturb = "test -e /run/once || { touch /run/once && nft add table ip theirs; }";
        assert_int_equal(apply(&web), 1);
        assert_int_equal(check(&web), 1);
        shell("nft list table ip theirs >/dev/null");
        /* It ends, though, whoever keeps on. */
        take_away("web");
        nft_kernel.disturb = "nft add table ip x && nft delete table ip x";
        ASSERT_ERROR(nat_apply(&web, &refusal), EAGAIN);
        nft_kernel.disturb = NULL;
        assert_int_equal(apply(&web), 1);
        assert_int_equal(check(&web), 1);
}

static void test_missing_feature(void **state) {
        NatRefusal refusal;
        NatPlan plan = web;

        nft_kernel.no_masquerade = true;
        assert_true(nat_has_masquerade(NAT_IPV4));
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "statement masquerade");
        assert_int_equal(refusal.table, NAT_TABLE_NAT);
        assert_int_equal(refusal.family, NAT_IPV4);
        assert_false(nat_has_masquerade(NAT_IPV4));
        assert_nothing();
        plan.side[NAT_IPV4].snat_address = public4[0];
        assert_int_equal(apply(&plan), 1);
        /* A failed change leaves the rules that were there. */
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_int_equal(check(&plan), 1);

        nft_kernel.no_masquerade = false;
        nft_kernel.no_quota = true;
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, NAT_WHAT_QUOTA);
        nft_kernel.no_quota = false;
        nft_kernel.no_masquerade = true;

        /* Only the second family lacks it. */
        plan = full_plan();
        plan.side[NAT_IPV4].masquerade = false;
        ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
        assert_int_equal(refusal.family, NAT_IPV6);

        /* One forward, and many in a map. */
        nft_kernel.no_masquerade = false;
        nft_kernel.no_dnat = true;
        plan = full_plan();
        ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "statement dnat");
        plan.forwards = &(Forward){ FORWARD_TCP, 30000, 31000, 20000 };
        ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "statement dnat");

        nft_setup(state);
        nft_kernel.no_nat = true;
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "chain type nat");
        assert_nothing();
}

static void forbidden(void) {
        NatRefusal refusal;

        assert(setresuid(65534, 65534, 65534) >= 0);
        assert(nat_apply(&web, &refusal) == -EPERM);
        assert(streq(refusal.what, "tables"));
        assert(nat_check(&web, &refusal) == -EPERM);
        assert(nat_remove("web", &refusal) == -EPERM);
}

static void test_forbidden(void **state) {
        apply(&web);
        in_child(forbidden);
        assert_listing("web.nft");
}

/* Taking away needs no library: it may be gone by then. */
static void test_no_library(void **state) {
        NatPlan fewer = web;
        NatRefusal refusal;

        apply(&web);
        nft_kernel.no_library = true;
        assert_int_equal(check(&web), 1);
        fewer.n_forwards = 1;
        ASSERT_ERROR(nat_apply(&fewer, &refusal), ENOPKG);
        assert_string_equal(refusal.what, "library libnftables");
        assert_listing("web.nft");
        assert_int_equal(take_away("web"), 1);
        assert_nothing();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_no_inet_nat, nft_setup),
                cmocka_unit_test_setup(test_race, nft_setup),
                cmocka_unit_test_setup(test_missing_feature, nft_setup),
                cmocka_unit_test_setup(test_forbidden, nft_setup),
                cmocka_unit_test_setup(test_no_library, nft_setup),
        };

        private_net_enter();
        assert_int_equal(setenv("UMLD_TEST_BACKEND", nat_nftables.name, 1), 0);
        return RUN_TESTS(tests);
}
