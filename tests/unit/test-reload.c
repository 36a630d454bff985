/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-reload.c - which settings change a running guest, and which wait. */

#include <string.h>

#include "test.h"

#include "basic/cleanup.h"
#include "daemon/guest/changes.h"

static void load(const char *text, Config **ret) {
        _cleanup_free_ char *error = NULL;

        if (config_parse("web", "web.conf", text, strlen(text), "/v/root.img", ret, &error) < 0)
                fail_msg("%s", error);
}

static void check_later(const char *a, const char *b, const char *expected) {
        _cleanup_(config_freep) Config *x = NULL, *y = NULL;
        _cleanup_free_ char *later = NULL;

        load(a, &x);
        load(b, &y);
        ASSERT_OK(reload_later_keys(x, y, &later));
        if (expected)
                assert_string_equal(later, expected);
        else
                assert_null(later);
}

static void test_later(void **state) {
        (void) state;
        check_later("", "", NULL);
        check_later("", "[Network]\nForward=tcp/80\n[Supervise]\nRestart=no\n", NULL);
        check_later("", "[Guest]\nMemory=128M\n", "Memory");
        check_later("[Guest]\nAppend=a\n", "[Guest]\nAppend=b\n[Network]\nTap=tap9\n",
                    "Append, Tap");
        check_later("[Guest]\nDisk=/a\n", "[Guest]\nDisk=/a,ro\n", "Disk");
        check_later("[Guest]\nDisk=/a\n", "[Guest]\nDisk=/a\nDisk=/b\n", "Disk");
        check_later("[Guest]\nKernel=/a\n", "[Guest]\nKernel=/b\n", "Kernel");
        check_later("[Fallback]\nAppend=a\n", "[Fallback]\nAppend=b\n", "Fallback");
        check_later("", "[Fallback]\nAppend=b\n", "Fallback");
        check_later("", "[Network]\nHostAddress6=fd00::1/64\nGuestAddress6=fd00::2\n",
                    "HostAddress6, GuestAddress6");
        check_later("[Network]\nDNS=1.1.1.1\n", "[Network]\nDNS=9.9.9.9\n", "DNS");
}

/* The fallback in force is not taken for a change. */
static void test_in_fallback(void **state) {
        static const char text[] = "[Guest]\nKernel=/k\n[Fallback]\nKernel=/old\nAppend=single\n";
        _cleanup_(config_freep) Config *running = NULL, *same = NULL, *other = NULL;
        _cleanup_free_ char *later = NULL, *changes = NULL;

        (void) state;
        load(text, &running);
        load(text, &same);
        load("[Guest]\nKernel=/new\n[Fallback]\nKernel=/old\nAppend=single\n", &other);
        config_switch_profile(running);
        assert_string_equal(running->kernel, "/old");
        ASSERT_OK(reload_later_keys(running, same, &later));
        assert_null(later);
        ASSERT_OK(reload_later_keys(running, other, &changes));
        assert_string_equal(changes, "Kernel");
}

static void test_live(void **state) {
        _cleanup_(config_freep) Config *running = NULL, *next = NULL, *probed = NULL;
        Config old;
        char text[PROBE_TEXT_MAX];

        (void) state;
        load("[Network]\nForward=tcp/80\n", &running);
        load("[Guest]\nMemory=128M\n[Network]\nForward=tcp/81 "
             "tcp/82\nProxy=tcp/90:80\nMasquerade=no\nReserve=tcp/"
             "9\n[Supervise]\nStopTimeout=7s\nHangCheck=0\n"
             "HangTimeout=9s\n",
             &next);
        load("[Supervise]\nProbe=http/8080/alive\nProbe=tcp/22\n", &probed);
        old = *running;
        ASSERT_OK(reload_apply_live(running, next));
        reload_free_lists(&old);
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
        ASSERT_OK(reload_apply_live(running, probed));
        reload_free_lists(&old);
        assert_int_equal(running->n_probes, 2);
        assert_string_equal(probe_format(&running->probes[0], text), "http/8080/alive");
        assert_string_equal(probe_format(&running->probes[1], text), "tcp/22");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_later),
                cmocka_unit_test(test_in_fallback),
                cmocka_unit_test(test_live),
        };

        return RUN_TESTS(tests);
}
