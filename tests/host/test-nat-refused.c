/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-refused.c - tables that change behind our back, that are refused, that are not there, or
 * that belong to an older kernel. */

#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>

#include "nat-tables.h"

/* Somebody changes the table behind our look at it: the kernel says so, and we look again. */
static void test_race(void **state) {
        NatRefusal refusal;

        nat_kernel.disturb = "iptables-legacy -A INPUT -p tcp --dport 23 -j DROP";
        assert_int_equal(apply(&web), 1);
        assert_int_equal(nat_kernel.commits, 3);
        assert_int_equal(check(&web), 1);
        shell("iptables-legacy -C INPUT -p tcp --dport 23 -j DROP");

        /* It ends, though, whoever keeps on. */
        take_away("web");
        nat_kernel_refuse(1, UINT_MAX, EAGAIN);
        ASSERT_ERROR(nat_apply(&web, &refusal), EAGAIN);
        assert_in_range(nat_kernel.commits, 2, 10);
}

/* The first table took its rules, the second did not: nothing is left. */
static void test_second_table_refused(void **state) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        NatRefusal refusal;

        shell("iptables-legacy -A INPUT -p tcp --dport 23 -j DROP && "
              "iptables-legacy -t nat -S >/dev/null");
        before = shell_output(SAVE_COUNTED);
        nat_kernel_refuse(2, 2, ENOMEM);
        ASSERT_ERROR(nat_apply(&web, &refusal), ENOMEM);
        assert_string_equal(refusal.what, "table nat");
        assert_int_equal(nat_kernel.commits, 3);
        after = shell_output(SAVE_COUNTED);
        assert_string_equal(before, after);

        /* Where even that is refused, nat_remove() can do it later. */
        nat_kernel_refuse(2, UINT_MAX, ENOMEM);
        ASSERT_ERROR(nat_apply(&web, &refusal), ENOMEM);
        nat_kernel_reset();
        assert_int_equal(take_away("web"), 1);
        shell("! iptables-legacy-save | grep UMLD");
}

/* What a guest can do without is named, and without it there are rules. */
static void test_missing_matches(void **state) {
        static const struct {
                const char *name, *what;
        } cases[] = { { "mac", NAT_WHAT_MAC },
                      { "connlimit", NAT_WHAT_CONNLIMIT },
                      { "limit", NAT_WHAT_LIMIT } };

        FOREACH_ELEMENT (c, cases) {
                NatPlan plan = web;
                NatRefusal refusal;

                nat_kernel_refuse(1, 1, ENOENT);
                nat_kernel.no_match = c->name;
                ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
                assert_string_equal(refusal.what, c->what);
                if (streq(c->what, NAT_WHAT_MAC))
                        plan.has_mac = false;
                else if (streq(c->what, NAT_WHAT_LIMIT))
                        plan.fresh = 0;
                else
                        plan.connections = 0;
                assert_int_equal(apply(&plan), 1);
                shell("! iptables-legacy-save | grep -e '-m %s '", c->name);
                assert_int_equal(take_away("web"), 1);
        }
}

/* A failed change leaves the rules that were there: they still work. */
static void test_change_refused(void **state) {
        NatPlan fewer = web;
        NatRefusal refusal;

        apply(&web);
        fewer.n_forwards = 1;
        nat_kernel_refuse(1, UINT_MAX, ENOMEM);
        ASSERT_ERROR(nat_apply(&fewer, &refusal), ENOMEM);
        nat_kernel_reset();
        assert_as_planned();
}

static void test_missing_feature(void **state) {
        NatRefusal refusal;

        nat_kernel_refuse(2, 2, ENOENT);
        nat_kernel.no_masquerade = true;
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "target MASQUERADE");
        shell("! iptables-legacy-save | grep UMLD");
        assert_false(nat_has_masquerade(NAT_IPV4));
        nat_kernel.no_masquerade = false;
        assert_true(nat_has_masquerade(NAT_IPV4));

        /* Nothing is known to be missing: then it is the table. */
        nat_kernel_refuse(2, 2, ENOENT);
        ASSERT_ERROR(nat_apply(&web, &refusal), ENOENT);
        assert_string_equal(refusal.what, "table nat");
}

/* One table too few: it is named, and nothing is left of the others. */
static void test_no_mangle(void **state) {
        NatPlan plan = web;
        NatRefusal refusal;

        plan.clamp_mss = true;
        nat_kernel.no_table = "mangle";
        /* No modprobe: modules are looked for once in a process. */
        assert_int_equal(mount("tmpfs", "/proc/sys/kernel", "tmpfs", 0, NULL), 0);
        ASSERT_ERROR(nat_apply(&plan, &refusal), ENOPROTOOPT);
        assert_string_equal(refusal.what, "table mangle");
        assert_int_equal(umount("/proc/sys/kernel"), 0);
        assert_int_equal(refusal.table, NAT_TABLE_MANGLE);
        assert_int_equal(refusal.family, NAT_IPV4);
        shell("! iptables-legacy-save | grep UMLD");
        plan.clamp_mss = false;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        assert_int_equal(take_away("web"), 1);
}

static void no_tables(void) {
        NatRefusal refusal;

        nat_kernel.no_tables = ENOPROTOOPT;
        assert(nat_apply(&web, &refusal) == -ENOPROTOOPT);
        assert(streq(refusal.what, "table filter"));
        assert(nat_check(&web, &refusal) == -ENOPROTOOPT);
        nat_kernel.no_tables = ENOENT;
        assert(nat_apply(&web, &refusal) == -ENOPROTOOPT);
        assert(nat_remove("web", &refusal) == 0);
}

/* The host's modprobe is called once, for its modules, with nothing of our environment. */
static void test_no_tables(void **state) {
        _cleanup_free_ char *said = NULL;

        in_child(no_tables); /* no modprobe, as in a container */

        assert_int_equal(mount("tmpfs", "/proc/sys/kernel", "tmpfs", 0, NULL), 0);
        shell("echo /run/modprobe >/proc/sys/kernel/modprobe");
        in_child(no_tables); /* a modprobe that is not there */
        shell("printf '#!/bin/sh\\necho \"$@\" >>/run/said\\n"
              "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= >>/run/said\\n' >/run/modprobe && "
              "chmod 755 /run/modprobe");
        in_child(no_tables);
        assert_int_equal(umount("/proc/sys/kernel"), 0);
        said = shell_output("cat /run/said");
        assert_string_equal(said, "-q ip_tables\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
                                  "-q iptable_filter\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
                                  "-q iptable_nat\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
                                  "-q iptable_mangle\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
}

static void forbidden(void) {
        NatRefusal refusal;

        assert(setresuid(65534, 65534, 65534) >= 0);
        assert(nat_apply(&web, &refusal) == -EPERM);
        assert(streq(refusal.what, "table filter"));
        assert(nat_check(&web, &refusal) == -EPERM);
        assert(nat_remove("web", &refusal) == -EPERM);
}

static void test_forbidden(void **state) {
        apply(&web);
        in_child(forbidden);
        assert_as_planned();
}

/* Kernels as old as OpenVZ's know only the first forms of the extensions, and take them. How they
 * are shown cannot be seen here: iptables(8) shows only the newest forms that its kernel knows. */
static void test_old_revisions(void **state) {
        NatPlan plan = web;

        plan.connections = 0; /* of connlimit, this kernel may really lack the old revision */
        for (unsigned revision = 0; revision <= 3; revision++) {
                nat_kernel_reset();
                nat_kernel.max_revision = revision;
                assert_int_equal(apply(&plan), 1);
                assert_int_equal(nat_kernel.commits, 2);
                /* No reason to change them once the kernel is newer. */
                nat_kernel_reset();
                assert_int_equal(apply(&plan), 0);
                assert_int_equal(take_away("web"), 1);
        }
        /* They are other bytes, though. */
        nat_kernel.max_revision = 1;
        assert_int_equal(apply(&plan), 1);
        shell("! iptables-legacy -t nat -C UMLD-PRE-web -p tcp --dport 8080 -j DNAT "
              "--to-destination 10.0.0.2:80 2>/dev/null");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_race, nat_setup),
                cmocka_unit_test_setup(test_second_table_refused, nat_setup),
                cmocka_unit_test_setup(test_missing_matches, nat_setup),
                cmocka_unit_test_setup(test_change_refused, nat_setup),
                cmocka_unit_test_setup(test_missing_feature, nat_setup),
                cmocka_unit_test_setup(test_no_tables, nat_setup),
                cmocka_unit_test_setup(test_no_mangle, nat_setup),
                cmocka_unit_test_setup(test_forbidden, nat_setup),
                cmocka_unit_test_setup(test_old_revisions, nat_setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
