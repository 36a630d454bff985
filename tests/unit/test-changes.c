/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-changes.c - which settings change a running guest, and which wait. */

#include <string.h>

#include "test.h"

#include "basic/cleanup.h"
#include "conf/changes.h"

static void load(const char *text, Config **ret) {
        _cleanup_free_ char *error = NULL;

        if (config_parse("web", "web.conf", text, strlen(text), "/v/root.img", ret, &error) < 0)
                fail_msg("%s", error);
}

/* Another value than the default for every key there is: what a new row of the table lacks here,
 * the test says. with: what the configuration needs beside it. */
static const struct {
        const char *section, *key, *value, *with;
} others[] = {
        { "Guest", "Kernel", "/k", NULL },
        { "Guest", "Memory", "128M", NULL },
        { "Guest", "CPUs", "2", NULL },
        { "Guest", "CPUAffinity", "any", NULL },
        { "Guest", "CPUWeight", "50", NULL },
        { "Guest", "CPUQuota", "50%", NULL },
        { "Guest", "Disk", "/v/root.img,adopt", NULL },
        { "Guest", "Root", "hostfs:/v/root", NULL },
        { "Guest", "Share", "/v/other", NULL },
        { "Guest", "Append", "single", NULL },
        { "Guest", "FastBoot", "no", NULL },
        { "Guest", "DiskSync", "7s", NULL },
        { "Guest", "Hostname", "www", NULL },
        { "Network", "Tap", "tap9", NULL },
        { "Network", "HostAddress", "10.0.0.1/25", NULL },
        { "Network", "GuestAddress", "10.0.0.3", NULL },
        { "Network", "HostAddress6", "fd00:0:0:1::1/65", "GuestAddress6=fd00:0:0:1::2" },
        { "Network", "GuestAddress6", "fd00:0:0:1::3", "HostAddress6=fd00:0:0:1::1/64" },
        { "Network", "DNS", "8.8.8.8", NULL },
        { "Network", "Uplink", "eth5", NULL },
        { "Network", "Uplink6", "eth5", NULL },
        { "Network", "Masquerade6", "no", NULL },
        { "Network", "SNATAddress", "203.0.113.8", NULL },
        { "Network", "Transport", "vector", NULL },
        { "Network", "ConfigureBy", "init", NULL },
        { "Network", "FastNetwork", "no", NULL },
        { "Network", "Masquerade", "no", NULL },
        { "Network", "Forward", "tcp/80", NULL },
        { "Network", "Reserve", "tcp/81", NULL },
        { "Network", "Proxy", "tcp/82", NULL },
        { "Network", "OneArm", "yes", NULL },
        { "Network", "HostAccess", "no", NULL },
        { "Network", "Reach", "internet link", NULL },
        { "Network", "Connections", "2000", NULL },
        { "Network", "Bandwidth", "10M", NULL },
        { "Network", "HoldConnections", "no", NULL },
        { "Network", "HoldTimeout", "7s", NULL },
        { "Network", "Drain", "7s", NULL },
        { "Network", "Backend", "nftables", NULL },
        { "Network", "MTU", "1400", NULL },
        { "Memory", "Backing", "dir:/m", NULL },
        { "Memory", "Balloon", "auto", NULL },
        { "Supervise", "Ready", "guest", NULL },
        { "Supervise", "StartTimeout", "7s", NULL },
        { "Supervise", "StopTimeout", "7s", NULL },
        { "Supervise", "AdoptTimeout", "3s", NULL },
        { "Supervise", "Restart", "no", NULL },
        { "Supervise", "RestartDelay", "7s", NULL },
        { "Supervise", "RestartDelayMax", "7s", NULL },
        { "Supervise", "RestartReset", "7s", NULL },
        { "Supervise", "HangCheck", "7s", NULL },
        { "Supervise", "HangTimeout", "7s", NULL },
        { "Supervise", "Probe", "tcp/22", NULL },
        { "Notify", "Command", "/bin/other", NULL },
        { "Notify", "User", "www-data", NULL },
        { "Notify", "Timeout", "7s", NULL },
        { "Fallback", "Kernel", "/k", NULL },
        { "Fallback", "Append", "single", NULL },
        { "Fallback", "After", "7", NULL },
        { "Console", "Log", "no", NULL },
        { "Console", "LogMax", "1M", NULL },
        { "Console", "LogFiles", "7", NULL },
        { "Console", "Journal", "yes", NULL },
        { "Confine", "User", "www-data", NULL },
        { "Confine", "DropCapabilities", "no", NULL },
        { "Confine", "NoNewPrivileges", "no", NULL },
        { "Confine", "PrivatePIDs", "no", NULL },
        { "Confine", "PrivateIPC", "no", NULL },
        { "Confine", "ProtectHostname", "no", NULL },
        { "Confine", "PrivateNetwork", "no", NULL },
        { "Confine", "PrivateRoot", "no", NULL },
        { "Confine", "ControlGroup", "no", NULL },
        { "Confine", "MemoryLimit", "no", NULL },
        { "Confine", "NotDumpable", "no", NULL },
        { "Confine", "Seccomp", "log", NULL },
        { "Confine", "Limits", "no", NULL },
        { "Confine", "Required", "cgroup", NULL },
};

/* Two configurations that differ in that row alone, which with can make have a value in both. */
static void load_pair(const Setting *s, Config **ret_a, Config **ret_b) {
        _cleanup_free_ char *a = NULL, *b = NULL;

        FOREACH_ELEMENT (o, others) {
                const char *with = o->with ?: "";

                if (!streq(o->section, s->section) || !streq(o->key, s->key))
                        continue;
                a = o->with ? strfmt("[%s]\n%s\n%s=%s\n", s->section, with, s->key, s->example)
                            : strdup("");
                b = strfmt("[%s]\n%s\n%s=%s\n", s->section, with, s->key, o->value);
                load(a, ret_a);
                load(b, ret_b);
                return;
        }
        fail_msg("%s=: the test has no value for it", s->key);
}

/* Each key says when its change takes effect, and is compared by what it sets and nothing else. */
static void test_every_key(void **state) {
        size_t n;
        const Setting *table = settings_table(&n);

        for (const Setting *s = table; s < table + n; s++) {
                _cleanup_(config_freep) Config *a = NULL, *b = NULL;
                _cleanup_free_ char *later = NULL;
                Config before;

                if (s->changes != CHANGES_AT_ONCE && s->changes != CHANGES_AT_START)
                        fail_msg("%s= does not say when a change takes effect", s->key);
                if (!setting_supported(s) || streq(s->key, "Root")) /* there is one value only */
                        continue;
                load_pair(s, &a, &b);
                for (const Setting *t = table; t < table + n; t++)
                        if (setting_same(t, a, b) != (t != s))
                                fail_msg("%s= is changed, and compared is %s=", s->key, t->key);
                ASSERT_OK(config_later_keys(a, b, &later));
                assert_true(!later == (s->changes == CHANGES_AT_ONCE));
                assert_true(config_tap_differs(a, b) == s->on_tap);
                assert_true(!s->on_tap || s->changes == CHANGES_AT_START);
                before = *a;
                ASSERT_OK(config_copy_live(a, b));
                assert_true(setting_same(s, a, b) == (s->changes == CHANGES_AT_ONCE));
                config_drop_live(&before);
        }
}

static void check_later(const char *a, const char *b, const char *expected) {
        _cleanup_(config_freep) Config *x = NULL, *y = NULL;
        _cleanup_free_ char *later = NULL;

        load(a, &x);
        load(b, &y);
        ASSERT_OK(config_later_keys(x, y, &later));
        if (expected)
                assert_string_equal(later, expected);
        else
                assert_null(later);
}

static void test_later(void **state) {
        check_later("", "", NULL);
        check_later("", "[Network]\nForward=tcp/80\n[Supervise]\nRestart=no\n", NULL);
        check_later("", "[Guest]\nMemory=128M\n", "Memory");
        check_later("[Guest]\nAppend=a\n", "[Guest]\nAppend=b\n[Network]\nTap=tap9\n",
                    "Append, Tap");
        check_later("[Guest]\nDisk=/a\n", "[Guest]\nDisk=/a,ro\n", "Disk");
        check_later("[Guest]\nDisk=/a\n", "[Guest]\nDisk=/a\nDisk=/b\n", "Disk");
        check_later("[Guest]\nKernel=/a\n", "[Guest]\nKernel=/b\n", "Kernel");
        check_later("[Fallback]\nAppend=a\n", "[Fallback]\nAppend=b\n", "[Fallback] Append");
        check_later("", "[Fallback]\nAppend=b\n", "[Fallback] Append");
        check_later("", "[Network]\nHostAddress6=fd00::1/64\nGuestAddress6=fd00::2\n",
                    "HostAddress6, GuestAddress6");
        check_later("[Network]\nDNS=1.1.1.1\n", "[Network]\nDNS=9.9.9.9\n", "DNS");
}

/* The fallback in force is not taken for a change. */
static void test_in_fallback(void **state) {
        static const char text[] = "[Guest]\nKernel=/k\n[Fallback]\nKernel=/old\nAppend=single\n";
        _cleanup_(config_freep) Config *running = NULL, *same = NULL, *other = NULL;
        _cleanup_free_ char *later = NULL, *changes = NULL;

        load(text, &running);
        load(text, &same);
        load("[Guest]\nKernel=/new\n[Fallback]\nKernel=/old\nAppend=single\n", &other);
        running->in_fallback = true;
        assert_string_equal(config_kernel(running), "/old");
        ASSERT_OK(config_later_keys(running, same, &later));
        assert_null(later);
        ASSERT_OK(config_later_keys(running, other, &changes));
        assert_string_equal(changes, "Kernel");
}

static void test_live(void **state) {
        _cleanup_(config_freep) Config *running = NULL, *next = NULL, *probed = NULL;
        Config old;
        char text[PROBE_TEXT_MAX];

        load("[Network]\nForward=tcp/80\n", &running);
        load("[Guest]\nMemory=128M\n[Network]\nForward=tcp/81 "
             "tcp/82\nProxy=tcp/90:80\nMasquerade=no\nReserve=tcp/"
             "9\n[Supervise]\nStopTimeout=7s\nHangCheck=0\n"
             "HangTimeout=9s\n",
             &next);
        load("[Supervise]\nProbe=http/8080/alive\nProbe=tcp/22\n", &probed);
        old = *running;
        ASSERT_OK(config_copy_live(running, next));
        config_drop_live(&old);
        assert_int_equal(running->n_forwards, 2);
        assert_int_equal(running->forwards[1].host_first, 82);
        assert_ptr_not_equal(running->forwards, next->forwards);
        assert_int_equal(running->n_proxies, 1);
        assert_int_equal(running->proxies[0].guest_first, 80);
        assert_ptr_not_equal(running->proxies, next->proxies);
        assert_int_equal(running->n_reserved, 1);
        assert_int_equal(running->reserved[0].host_first, 9);
        assert_int_equal(running->masquerade, MASQUERADE_NO);
        assert_int_equal(running->stop_timeout, 7 * USEC_PER_SEC);
        assert_int_equal(running->hang_check, 0);
        assert_int_equal(running->hang_timeout, 9 * USEC_PER_SEC);
        assert_int_equal(running->memory, UINT64_C(64) << 20); /* not live */
        old = *running;
        ASSERT_OK(config_copy_live(running, probed));
        config_drop_live(&old);
        assert_int_equal(running->n_probes, 2);
        assert_string_equal(probe_format(&running->probes[0], text), "http/8080/alive");
        assert_string_equal(probe_format(&running->probes[1], text), "tcp/22");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_later),
                cmocka_unit_test(test_in_fallback),
                cmocka_unit_test(test_live),
        };

        return RUN_TESTS(tests);
}
