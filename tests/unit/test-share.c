/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-share.c - a setting of the host among several guests, with a file in the role of the host's.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "test.h"

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/host/share.h"
#include "host/lock.h"

static char runtime[] = "/tmp/umld-test-share.XXXXXX";
static char *shared, *setting_file;
static int write_result; /* of the host, where it refuses */
static unsigned writes;

static int read_value(const char *where, char **ret) {
        return read_first_line(where, ret);
}

static int write_value(const char *where, const char *value) {
        writes++;
        return write_result < 0 ? write_result
                                : write_file_atomic(where, value, strlen(value), 0644);
}

/* One guest, whose umld is alive. */
typedef struct Guest {
        Config config;
        Host host;
        int lock;
} Guest;

static Guest *guest_new(const char *name) {
        _cleanup_free_ char *dir = strfmt("%s/%s", runtime, name),
                            *lock = strfmt("%s/%s/lock", runtime, name);
        Guest *g = calloc(1, sizeof(*g));

        assert_non_null(g);
        ASSERT_OK(mkdir_p(dir, 0755));
        g->lock = ASSERT_OK(pid_lock(lock, NULL));
        g->config.name = strdup(name);
        g->host = (Host){ .config = &g->config, .runtime = runtime, .shared = shared };
        return g;
}

static Guest *guest_free(Guest *g) {
        safe_close(g->lock);
        free(g->config.name);
        free(g);
        return NULL;
}
DEFINE_CLEANUP(Guest *, guest_free)

static HostSetting setting(void) {
        return (HostSetting){ .name = "size",
                              .where = setting_file,
                              .read = read_value,
                              .write = write_value,
                              .verdict = VERDICT_NETWORK };
}

static void set_host(const char *value) {
        ASSERT_OK(write_file_atomic(setting_file, value, strlen(value), 0644));
        write_result = 0;
        writes = 0;
}

static void assert_host(const char *expected) {
        _cleanup_free_ char *value = NULL;

        ASSERT_OK(read_value(setting_file, &value));
        assert_string_equal(value, expected);
}

/* Does somebody still need it, or might it have to be put back? */
static bool is_noted(void) {
        _cleanup_free_ char *path = strfmt("%s/size/original", shared);

        return access(path, F_OK) >= 0;
}

static void test_first_and_last(void **state) {
        _cleanup_(guest_freep) Guest *web = guest_new("web"), *db = guest_new("db");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("0");
        ASSERT_OK(host_share(&web->host, &s, "1", &fault));
        ASSERT_OK(host_share(&web->host, &s, "1", &fault)); /* looked at again */
        ASSERT_OK(host_share(&db->host, &s, "1", &fault));
        assert_int_equal(writes, 1);
        assert_host("1");
        ASSERT_OK(host_unshare(&web->host, &s));
        assert_host("1");
        ASSERT_OK(host_unshare(&db->host, &s));
        assert_host("0");
        assert_false(is_noted());
        ASSERT_OK(host_unshare(&db->host, &s)); /* it needs it no longer */
        assert_int_equal(writes, 2);
}

/* What was so before anybody came stays so when all are gone. */
static void test_already_so(void **state) {
        _cleanup_(guest_freep) Guest *web = guest_new("web");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("1");
        ASSERT_OK(host_share(&web->host, &s, "1", &fault));
        ASSERT_OK(host_unshare(&web->host, &s));
        assert_int_equal(writes, 0);
        assert_host("1");
        assert_false(is_noted());
}

/* Theirs stays. */
static void test_changed_by_others(void **state) {
        _cleanup_(guest_freep) Guest *web = guest_new("web");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("0");
        ASSERT_OK(host_share(&web->host, &s, "1", &fault));
        set_host("2");
        ASSERT_OK(host_unshare(&web->host, &s));
        assert_host("2");
        assert_false(is_noted());
}

/* A guest whose umld was killed does not hold the setting. */
static void test_dead(void **state) {
        _cleanup_(guest_freep) Guest *web = guest_new("web"), *db = guest_new("db");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("0");
        ASSERT_OK(host_share(&web->host, &s, "1", &fault));
        ASSERT_OK(host_share(&db->host, &s, "1", &fault));
        web->lock = safe_close(web->lock);
        ASSERT_OK(host_unshare(&db->host, &s));
        assert_host("0");
        assert_false(is_noted());
}

/* The caller says what a refusal means; that the guest needs it stays noted for its undo. */
static void test_refused(void **state) {
        _cleanup_(guest_freep) Guest *web = guest_new("web");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("0");
        write_result = -EPERM;
        assert_int_equal(host_share(&web->host, &s, "1", &fault), -EPERM);
        assert_null(fault.text);
        assert_true(is_noted());
        ASSERT_OK(host_unshare(&web->host, &s));
        assert_host("0");
        assert_false(is_noted());
}

/* Where it cannot be put back it stays noted, for the next umld; or not, where that makes no sense.
 */
static void test_stuck(void **state) {
        for (int once = 0; once < 2; once++) {
                _cleanup_(guest_freep) Guest *web = guest_new("web");
                _cleanup_(fault_done) Fault fault = {};
                HostSetting s = setting();

                s.once = once;
                set_host("0");
                ASSERT_OK(host_share(&web->host, &s, "1", &fault));
                write_result = -EBUSY;
                assert_int_equal(host_unshare(&web->host, &s), once ? 0 : -EBUSY);
                assert_int_equal(is_noted(), !once);
                write_result = 0;
                ASSERT_OK(host_unshare(&web->host, &s));
                assert_host(once ? "1" : "0");
                assert_false(is_noted());
        }
}

/* An interface that went away has taken its settings with it. */
static void test_gone(void **state) {
        _cleanup_(guest_freep) Guest *web = guest_new("web");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("0");
        ASSERT_OK(host_share(&web->host, &s, "1", &fault));
        ASSERT_OK(unlink_quiet(setting_file));
        ASSERT_OK(host_unshare(&web->host, &s));
        assert_false(is_noted());
        assert_int_equal(host_share(&web->host, &s, "1", &fault), -ENOENT);
        assert_null(fault.text);
}

/* Where nothing can be noted nothing is changed, and the fault says whose sake it is. */
static void test_cannot_note(void **state) {
        _cleanup_free_ char *way = strfmt("%s/size", shared);
        _cleanup_(guest_freep) Guest *web = guest_new("web");
        _cleanup_(fault_done) Fault fault = {};
        const HostSetting s = setting();

        set_host("0");
        ASSERT_OK(write_file_atomic(way, "", 0, 0644)); /* where the directory would be */
        assert_true(host_share(&web->host, &s, "1", &fault) < 0);
        assert_non_null(fault.text);
        assert_non_null(strstr(fault.text, "cannot record who needs"));
        assert_int_equal(fault.verdict, VERDICT_NETWORK);
        assert_int_equal(writes, 0);
        assert_host("0");
        ASSERT_OK(unlink_quiet(way));
}

static int setup(void **state) {
        if (!mkdtemp(runtime))
                return -1;
        shared = strfmt("%s/.shared", runtime);
        setting_file = strfmt("%s/host", runtime);
        return shared && setting_file ? 0 : -1;
}

static int teardown(void **state) {
        free(shared);
        free(setting_file);
        return rm_rf(runtime);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_and_last),
                cmocka_unit_test(test_already_so),
                cmocka_unit_test(test_changed_by_others),
                cmocka_unit_test(test_dead),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_stuck),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_cannot_note),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, setup, teardown);
}
