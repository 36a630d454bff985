/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-check.c - how the legacy tables are read, and how often. */

#include "nat-tables.h"

#include "nat/xt-read.h"
#include "nat/xt-tables.h"

#include <linux/netfilter_ipv4/ip_tables.h>

/* While nothing changes the sizes of the tables are enough. */
static void test_check_by_sizes(void **state) {
        unsigned checks = 0;

        apply(&web);
        assert_int_equal(check(&web), 1);
        nat_kernel.reads = 0;
        assert_int_equal(check(&web), 1);
        assert_int_equal(nat_kernel.reads, 0);

        /* A foreign rule makes us read the tables once. */
        shell("iptables-legacy -A INPUT -s 192.0.2.7 -j ACCEPT");
        assert_int_equal(check(&web), 1);
        assert_int_equal(nat_kernel.reads, 2);
        assert_int_equal(check(&web), 1);
        assert_int_equal(nat_kernel.reads, 2);

        /* A rule that is missing is noticed at once. */
        shell("iptables-legacy -t nat -D UMLD-POST-web 1");
        assert_int_equal(check(&web), 0);
        assert_int_equal(apply(&web), 1);
        assert_int_equal(check(&web), 1);

        /* So is one that was replaced by another of the same size a little later. */
        shell("iptables-legacy -t nat -R UMLD-POST-web 1 -s 10.0.0.3 -o venet0 -j MASQUERADE");
        while (check(&web) == 1)
                assert_true(++checks < 13);
        assert_int_equal(apply(&web), 1);
        assert_int_equal(check(&web), 1);
        /* One check of twelve reads the tables. */
        nat_kernel.reads = 0;
        for (int i = 0; i < 25; i++)
                assert_int_equal(check(&web), 1);
        assert_in_range(nat_kernel.reads, 2, 3 * 2);
}

/* A check is for one plan. */
static void test_check_another_plan(void **state) {
        NatPlan plan = web;

        apply(&web);
        assert_int_equal(check(&web), 1);
        assert_int_equal(check(&web), 1);
        plan.uplink = "venet1";
        assert_int_equal(check(&plan), 0);
        assert_int_equal(check(&web), 1);
}

static void assert_same_chain(const char *chain, struct xtc_handle *a, struct xtc_handle *b) {
        const XtLibrary *library = xt_library(NAT_IPV4), *reader = xt_reader(NAT_IPV4);
        const void *x = library->first_rule(chain, a), *y = reader->first_rule(chain, b);
        const char *policy = library->policy(chain, a);

        assert_true(reader->has_chain(chain, b));
        assert_true(streq(policy ?: "", reader->policy(chain, b) ?: ""));
        for (; x && y; x = library->next_rule(x, a), y = reader->next_rule(y, b)) {
                const struct ipt_entry *p = x, *q = y;

                assert_string_equal(library->target(x, a), reader->target(y, b));
                assert_memory_equal(&(NatCount[]){ library->counted(x) },
                                    &(NatCount[]){ reader->counted(y) }, sizeof(NatCount));
                assert_int_equal(p->next_offset, q->next_offset);
                assert_memory_equal(&p->ip, &q->ip, sizeof(p->ip));
        }
        assert_null(x);
        assert_null(y);
}

/* Our own reader finds the same in a table as libiptc. */
static void test_reader(void **state) {
        const XtLibrary *library = xt_library(NAT_IPV4), *reader = xt_reader(NAT_IPV4);
        struct xtc_handle *a, *b;
        unsigned n = 0, n_read = 0;

        apply(&web);
        shell("iptables-legacy -P FORWARD DROP && iptables-legacy -N first && "
              "iptables-legacy -N zlast && iptables-legacy -N empty && "
              "iptables-legacy -A first -j zlast && iptables-legacy -A first -j RETURN && "
              "iptables-legacy -A zlast -p tcp -m tcp --dport 25 -j REJECT && "
              "iptables-legacy -A INPUT -s 192.0.2.9 && "
              "iptables-legacy -A INPUT -i lo -g first && "
              "iptables-legacy -A FORWARD -m limit --limit 3/min -j LOG && "
              "iptables-legacy -A FORWARD -j DROP -c 7 700");
        ASSERT_OK(xt_table_open(library, NAT_IPV4, NAT_TABLE_FILTER, &a));
        ASSERT_OK(xt_table_open(reader, NAT_IPV4, NAT_TABLE_FILTER, &b));
        for (const char *c = library->first_chain(a); c; c = library->next_chain(a), n++)
                assert_same_chain(c, a, b);
        for (const char *c = reader->first_chain(b); c; c = reader->next_chain(b), n_read++)
                assert_true(library->has_chain(c, a));
        assert_int_equal(n, n_read);
        assert_int_equal(n, 13);
        assert_false(reader->has_chain("missing", b));
        assert_null(reader->first_rule("missing", b));
        assert_null(reader->first_rule("empty", b));
        library->free(a);
        reader->free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_check_by_sizes, nat_setup),
                cmocka_unit_test_setup(test_check_another_plan, nat_setup),
                cmocka_unit_test_setup(test_reader, nat_setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
