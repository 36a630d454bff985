/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-ledger.c - what was noted is found again by the next umld. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "basic/file-util.h"
#include "daemon/host/ledger.h"

static char file[64];

static int make_file(void **state) {
        snprintf(file, sizeof(file), "/tmp/test-ledger.%d", getpid());
        (void) unlink(file);
        return 0;
}

static int remove_file(void **state) {
        (void) unlink(file);
        return 0;
}

static void test_round_trip(void **state) {
        _cleanup_(ledger_done) Ledger a = {}, b = {};

        ASSERT_OK(ledger_load(file, &a)); /* none is an empty one */
        assert_null(a.tap);
        ASSERT_OK(ledger_note_tap(&a, "tap7"));
        ASSERT_OK(ledger_note_cgroup(&a, "/sys/fs/cgroup/umld-web.1"));
        ASSERT_OK(ledger_note_cgroup(&a, "/sys/fs/cgroup/cpu/umld-web.1"));
        ASSERT_OK(ledger_note_cgroup(&a, "/sys/fs/cgroup/umld-web.1"));
        ASSERT_OK(ledger_note_mount(&a, "/run/umld/web/memory"));
        ASSERT_OK(ledger_note_ipv6(&a, "venet0"));
        ASSERT_OK(ledger_note_ndp(&a, "2001:db8::2 eth0 eth1"));
        ASSERT_OK(ledger_note_owner(&a, "/a path/with spaces.img", 0, 6));
        ASSERT_OK(ledger_note_owner(&a, "/b", 1000, 1000));
        ASSERT_OK(
                ledger_note_owner(&a, "/b", 60800, 60800)); /* a second note would lose the owner */
        ASSERT_OK(ledger_load(file, &b));
        assert_string_equal(b.tap, "tap7");
        assert_string_equal(b.cgroups.v[0], "/sys/fs/cgroup/umld-web.1");
        assert_string_equal(b.cgroups.v[1], "/sys/fs/cgroup/cpu/umld-web.1");
        assert_int_equal(b.cgroups.n, 2);
        assert_string_equal(b.mount, "/run/umld/web/memory");
        assert_string_equal(b.ipv6, "venet0");
        assert_string_equal(b.ndp, "2001:db8::2 eth0 eth1");
        assert_int_equal(b.n_owners, 2);
        assert_string_equal(b.owners[0].path, "/a path/with spaces.img");
        assert_int_equal(b.owners[0].uid, 0);
        assert_int_equal(b.owners[0].gid, 6);
        assert_int_equal(b.owners[1].uid, 1000);
        ledger_clear(&b);
        assert_int_equal(access(file, F_OK), -1);
        assert_null(b.tap);
        assert_non_null(b.file);
}

static void test_damaged(void **state) {
        static const char text[] = "nonsense\nowner x y z\nowner 1 2\ntap\ntap tap1\n\n";
        _cleanup_(ledger_done) Ledger l = {};

        ASSERT_OK(write_file_atomic(file, text, strlen(text), 0600));
        ASSERT_OK(ledger_load(file, &l));
        assert_string_equal(l.tap, "tap1");
        assert_int_equal(l.n_owners, 0);
}

static void test_full(void **state) {
        _cleanup_(ledger_done) Ledger l = {};
        char path[16];

        ASSERT_OK(ledger_load(file, &l));
        for (int i = 0; i < LEDGER_OWNERS_MAX; i++) {
                snprintf(path, sizeof(path), "/%d", i);
                ASSERT_OK(ledger_note_owner(&l, path, 0, 0));
        }
        ASSERT_ERROR(ledger_note_owner(&l, "/more", 0, 0), ENOSPC);
}

/* What could not be written is written at the next note, also one of the same thing. */
static void test_unsaved(void **state) {
        _cleanup_(ledger_done) Ledger a = { .file = strdup("/proc/no-such-directory/undo") },
                                      b = {};

        assert_true(ledger_note_tap(&a, "tap7") < 0);
        assert_true(ledger_note_owner(&a, "/b", 1000, 1000) < 0);
        free(a.file);
        a.file = strdup(file);
        ASSERT_OK(ledger_note_tap(&a, "tap7"));
        ASSERT_OK(ledger_load(file, &b));
        assert_string_equal(b.tap, "tap7");
        assert_int_equal(b.n_owners, 1);
}

static void test_replaced_file(void **state) {
        _cleanup_(ledger_done) Ledger a = {}, b = {};

        ASSERT_OK(ledger_load(file, &a));
        ASSERT_OK(ledger_note_user(&a, 60801));
        ASSERT_OK(ledger_note_owner(&a, "/a", 1, 1));
        ASSERT_OK(ledger_note_owner(&a, "/b", 2, 2));
        ledger_forget_owner(&a, "/a");
        ledger_forget_owner(&a, "/nothing");
        ASSERT_OK(ledger_note_owner(&a, "/a", 3, 3));
        ASSERT_OK(ledger_load(file, &b));
        assert_int_equal(b.user, 60801);
        assert_int_equal(b.n_owners, 2);
        assert_string_equal(b.owners[1].path, "/a");
        assert_int_equal(b.owners[1].uid, 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, make_file, remove_file),
                cmocka_unit_test_setup_teardown(test_damaged, make_file, remove_file),
                cmocka_unit_test_setup_teardown(test_full, make_file, remove_file),
                cmocka_unit_test_setup_teardown(test_unsaved, make_file, remove_file),
                cmocka_unit_test_setup_teardown(test_replaced_file, make_file, remove_file),
        };

        return RUN_TESTS(tests);
}
