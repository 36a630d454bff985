/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-config-across.c - settings that do not fit together, and those of supervision. */

#include <stdio.h>

#include "unit/config-refused.h"

/* Settings that are good alone and do not fit together. */
static void test_across(void **state) {
        static const Case cases[] = {
                { "[Network]\nHostAddress=10.0.0.1/24\nGuestAddress=10.0.1.2\n",
                  "3: GuestAddress: 10.0.1.2 is not in the network of HostAddress=, 10.0.0.0/24; "
                  "use for example 10.0.0.2" },
                { "[Network]\nGuestAddress=8.8.8.8\n",
                  "2: GuestAddress: 8.8.8.8 is not a private address; set HostAddress= as well" },
                { "[Network]\nHostAddress=10.0.0.9/24\nGuestAddress=10.0.0.9\n",
                  "3: GuestAddress: host and guest cannot both have the address 10.0.0.9; use "
                  "GuestAddress=10.0.0.1" },
                { "[Network]\nGuestAddress=10.0.0.0\n",
                  "2: GuestAddress: 10.0.0.0 is the network or broadcast address; use for example "
                  "10.0.0.2" },
                { "[Network]\nGuestAddress=10.0.0.255\n",
                  "2: GuestAddress: 10.0.0.255 is the network or broadcast address; use for "
                  "example 10.0.0.2" },
                { "[Network]\nGuestAddress6=fd00::2\n",
                  "2: GuestAddress6: IPv6 requires both addresses; set HostAddress6= as well, in "
                  "the same network" },
                { "[Network]\nHostAddress6=fd00::1/64\n",
                  "2: HostAddress6: IPv6 requires both addresses; set GuestAddress6= as well, in "
                  "the same network" },
                { "[Network]\nHostAddress6=fd00::1/64\nGuestAddress6=fd00::1\n",
                  "3: GuestAddress6: host and guest cannot both have this address; use another "
                  "one" },
                { "[Network]\nHostAddress6=fd00::1/126\nGuestAddress6=fd00::5\n",
                  "3: GuestAddress6: the address is not in the network of HostAddress6=; use one "
                  "that is" },
                { "[Network]\nHostAddress6=fd00::1/64\nGuestAddress6=fd00::2\nMTU=1279\n",
                  "4: MTU: IPv6 requires an MTU of at least 1280" },
                { "[Network]\nForward=tcp/80 tcp6/81\n",
                  "2: Forward: tcp6/81 is for IPv6, which the guest does not have; set "
                  "HostAddress6= and GuestAddress6=" },
                { "[Network]\nTap=tap0\nUplink=tap0\n",
                  "2: Tap: tap0 cannot be both Tap= and Uplink=; use another name for the tap" },
                { "[Network]\nUplink6=ppp0 eth0\nTap=eth0\n",
                  "3: Tap: eth0 cannot be both Tap= and Uplink=; use another name for the tap" },
                { "[Network]\nSNATAddress=203.0.113.7\nMasquerade=no\n",
                  "2: SNATAddress: has no effect with Masquerade=no; use Masquerade=snat" },
                { "[Network]\nUplink=eth0\nTap=eth0\n",
                  "3: Tap: eth0 cannot be both Tap= and Uplink=; use another name for the tap" },
                { "[Network]\nForward=tcp/8000-9000\n\nForward=udp/1 tcp/8080:80\n",
                  "4: Forward: tcp/8080:80 overlaps tcp/8000-9000 on line 2; a port can be used "
                  "only once" },
                { "[Network]\nForward=all\nForward=tcp/80\nForward=all\n",
                  "4: Forward: all overlaps all on line 2; a port can be used only once" },
                { "[Network]\nForward=tcp/8000-8010\nProxy=tcp/1\nProxy=tcp/8005\n",
                  "4: Proxy: tcp/8005 overlaps Forward=tcp/8000-8010; a port can be used only "
                  "once" },
                { "[Network]\nProxy=tcp/1 tcp/22:80\nReserve=tcp/20-30\n",
                  "2: Proxy: tcp/22:80 overlaps Reserve=tcp/20-30; a port can be used only once" },
                { "[Network]\nProxy=tcp/1-3\nProxy=tcp/3:4\n",
                  "3: Proxy: tcp/3:4 overlaps Proxy=tcp/1-3; a port can be used only once" },
                { "[Network]\nProxy=tcp/1-60\nProxy=tcp/100-104\n",
                  "3: Proxy: more than 64 ports to relay, each of which needs a socket and a "
                  "process; use Forward= instead" },
                { "[Network]\nForward=tcp/80,tcp+udp/80\n",
                  "2: Forward: tcp+udp/80 overlaps tcp/80 on line 2; a port can be used only "
                  "once" },
                { "[Supervise]\nRestartDelay=10min\n",
                  "2: RestartDelay: RestartDelayMax=5min is shorter than RestartDelay=10min; make "
                  "it at least as long" },
                { "[Supervise]\nRestartDelay=10s\nRestartDelayMax=1s\n",
                  "3: RestartDelayMax: RestartDelayMax=1s is shorter than RestartDelay=10s; make "
                  "it at least as long" },
                { "[Guest]\nDisk=/a\nDisk=/b\nDisk=//a\n",
                  "4: Disk: //a is already used on line 2; each disk needs a file of its own" },
                { "[Guest]\nDisk=/a,ro\nDisk=/a,ro\n",
                  "3: Disk: /a is already used on line 2; each disk needs a file of its own" },
                { "[Guest]\nDisk=/a,cow=/c\nDisk=/c\n",
                  "3: Disk: /c is already used on line 2; each disk needs a file of its own" },
                { "[Guest]\nDisk=/a\nDisk=/b,cow=/a\n",
                  "3: Disk: /a is already used on line 2; each disk needs a file of its own" },
                { "[Guest]\nDisk=/a,cow=/c\nDisk=/b,cow=/c\n",
                  "3: Disk: /c is already used on line 2; each disk needs a file of its own" },
                { "[Guest]\nDisk=/a,cow=/c\nDisk=/a\n",
                  "3: Disk: /a is already used on line 2; each disk needs a file of its own" },
                { "[Guest]\nDisk=/a,cow=/a\n", "2: Disk: /a is both the disk and its copy-on-write "
                                               "file; use another file for cow=" },
                { "[Guest]\nDisk=/1\nDisk=/2\nDisk=/3\nDisk=/4\nDisk=/5\nDisk=/6\nDisk=/7\nDisk=/"
                  "8\nDisk=/9\n",
                  "10: Disk: \"/9\": too many disks; at most 8 are possible" },
        };

        assert_refused(cases, ARRAY_SIZE(cases));
}

static void test_probes(void **state) {
        static const Case cases[] = {
                { "[Supervise]\nProbe=icmp\n", "2: Probe: \"icmp\": invalid probe; use tcp/PORT or "
                                               "http/PORT/PATH, for example http/80/" },
                { "[Supervise]\nProbe=tcp/0\n",
                  "2: Probe: \"tcp/0\": missing or invalid port; use a port from 1 to 65535" },
                { "[Supervise]\nProbe=http//x\n",
                  "2: Probe: \"http//x\": missing or invalid port; use a port from 1 to 65535" },
                { "[Supervise]\nProbe=tcp/80/\n",
                  "2: Probe: \"tcp/80/\": only http/ probes have a path" },
                { "[Supervise]\nProbe=http/80/a b\n",
                  "2: Probe: \"http/80/a b\": invalid character in the path; write it as %XX" },
                { "[Supervise]\nProbe=http/80\nProbe=http/80/\n",
                  "3: Probe: \"http/80/\": duplicate probe; remove one of them" },
                { "[Supervise]\nProbe=tcp/1\nProbe=tcp/2\nProbe=tcp/3\nProbe=tcp/4\nProbe=tcp/5\n",
                  "6: Probe: \"tcp/5\": too many probes; at most 4 are possible" },
                { "[Supervise]\nHangCheck=0\nProbe=tcp/22\n",
                  "3: Probe: hangs are not detected with HangCheck=0; set HangCheck= as well" },
        };
        char path[200], text[256], error[256];

        assert_refused(cases, ARRAY_SIZE(cases));
        memset(path, 'x', PROBE_PATH_MAX - 1);
        path[PROBE_PATH_MAX - 1] = '\0';
        snprintf(text, sizeof(text), "[Supervise]\nProbe=http/1/%s\n", path);
        snprintf(error, sizeof(error),
                 "2: Probe: \"http/1/%.53s…\": too long; a path can have at most 127 characters",
                 path);
        assert_bytes_refused(text, strlen(text), error);
}

static void test_fallback(void **state) {
        static const Case cases[] = {
                { "[Fallback]\nKernel=linux.old\n",
                  "2: Kernel: \"linux.old\": not an absolute path; use for example "
                  "/usr/lib/umld/linux.uml.old" },
                { "[Fallback]\nAppend=mem=1G\n",
                  "2: Append: \"mem=1G\": not allowed in Append=; use Memory=" },
                { "[Fallback]\nAppend=single\nAfter=0\n",
                  "3: After: \"0\": not a number from 1 to 100" },
                { "[Supervise]\nFallback=x\n",
                  "2: Fallback: unknown key; umld.conf(5) lists all keys" },
        };

        assert_refused(cases, ARRAY_SIZE(cases));
}

/* What is not said in [Fallback] is as in [Guest], and there is a way back. */
static void test_notify(void **state) {
        static const Case cases[] = {
                { "[Notify]\nCommand=tell me\n",
                  "2: Command: \"tell me\": not the absolute path of a program; use for example "
                  "/usr/local/bin/tell-admin --short" },
                { "[Notify]\nCommand=/bin/\n",
                  "2: Command: \"/bin/\": not the absolute path of a program; use for example "
                  "/usr/local/bin/tell-admin --short" },
                { "[Notify]\nCommand=/bin/tell 'me\n",
                  "2: Command: \"/bin/tell 'me\": unterminated quote, or a backslash at the end" },
                { "[Notify]\nUser=root\n", "2: User: \"root\": the command cannot run as root; "
                                           "use another user" },
                { "[Notify]\nUser=0\n", "2: User: \"0\": the command cannot run as root; "
                                        "use another user" },
                { "[Notify]\nUser=a b\n",
                  "2: User: \"a b\": invalid user; use the name or number of a user" },
                { "[Notify]\nUser=65535\n",
                  "2: User: \"65535\": invalid user; use the name or number of a user" },
        };
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;
        const char *text = "[Notify]\nCommand=/bin/tell 'the admin' now\nTimeout=2s\n"
                           "[Confine]\nUser=web\n";

        assert_refused(cases, ARRAY_SIZE(cases));
        ASSERT_OK(config_parse("web", "web.conf", text, strlen(text), "/d", &c, &error));
        assert_int_equal(c->notify_command.n, 3);
        assert_string_equal(c->notify_command.v[1], "the admin");
        assert_string_equal(c->notify_user, "nobody");
        assert_string_equal(c->user, "web");
        assert_true(c->notify_timeout == 2 * USEC_PER_SEC);
}

static void test_switch(void **state) {
        static const char text[] = "[Fallback]\nAppend=single\n[Guest]\nAppend=a b\nKernel=/k\n";
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;

        ASSERT_OK(config_parse("web", "web.conf", text, strlen(text), "/d", &c, &error));
        assert_true(config_has_fallback(c) && !c->in_fallback);
        assert_int_equal(c->fallback_after, 3);
        assert_string_equal(config_argument(c, 1), "b");
        assert_null(config_argument(c, 2));
        c->in_fallback = true;
        assert_string_equal(config_kernel(c), "/k");
        assert_string_equal(config_argument(c, 1), "b");
        assert_string_equal(config_argument(c, 2), "single");
        assert_null(config_argument(c, 3));
}

/* The number of forwards is bounded, over all lines. */
static void test_many_forwards(void **state) {
        _cleanup_free_ char *text = calloc(1, 32000);
        char *p = text;

        p += sprintf(p, "[Network]\n");
        for (unsigned i = 1; i <= CONFIG_FORWARDS_MAX + 1; i++)
                p += sprintf(p, "Forward=tcp/%u\n", i);
        assert_bytes_refused(text, strlen(text),
                             "1002: Forward: \"tcp/1001\": too many entries; at most 1000 are "
                             "possible, so use ranges");
}

/* What the caller gives as default is checked like the rest, and blamed on no line. */
static void test_default_disk(void **state) {
        _cleanup_free_ char *error = NULL;
        Config *c = NULL;

        ASSERT_ERROR(config_parse("web", "web.conf", "", 0, "/a b/root.img", &c, &error), EINVAL);
        assert_null(c);
        assert_string_equal(error, "web.conf: Disk: \"/a b/root.img\": contains white space, ':' "
                                   "or '\"', which no UML kernel can open; rename the file");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_across),       cmocka_unit_test(test_probes),
                cmocka_unit_test(test_fallback),     cmocka_unit_test(test_notify),
                cmocka_unit_test(test_switch),       cmocka_unit_test(test_many_forwards),
                cmocka_unit_test(test_default_disk),
        };

        return RUN_TESTS(tests);
}
