/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-guest-init.c - what umld-guest-init reads: its service, users, modules, the command line. */

#include "test.h"

#include <signal.h>
#include <stdio.h>

#include "basic/cleanup.h"
#include "guest/modprobe.h"
#include "guest/network.h"
#include "guest/service.h"

static void test_service(void **state) {
        _cleanup_(service_done) Service s = {};
        unsigned line = 99;

        ASSERT_OK(service_parse("# comment\n\nuser=web:www\ndirectory=/srv\nenv=A=b\\nc\\\\d\n"
                                "arg=/bin/x\narg=a  b\narg=\nstop-signal=3\nport=80\nport=443\n",
                                &s, &line));
        assert_string_equal(s.user, "web:www");
        assert_string_equal(s.directory, "/srv");
        assert_int_equal(s.environment.n, 1);
        assert_string_equal(s.environment.v[0], "A=b\nc\\d");
        assert_int_equal(s.argv.n, 3);
        assert_string_equal(s.argv.v[1], "a  b");
        assert_string_equal(s.argv.v[2], "");
        assert_int_equal(s.stop_signal, SIGQUIT);
        assert_int_equal(s.n_ports, 2);
        assert_int_equal(s.ports[1], 443);
}

static void test_service_refused(void **state) {
        static const struct {
                const char *text;
                unsigned line;
        } bad[] = {
                { "arg=x\nnothing\n", 2 },     { "arg=x\nkey=y\n", 2 },  { "port=0\n", 1 },
                { "port=65536\n", 1 },         { "stop-signal=x\n", 1 }, { "", 0 },
                { "user=root\nenv=A=b\n", 0 },
        };

        FOREACH_ELEMENT (b, bad) {
                Service s = {};
                unsigned line = 99;

                ASSERT_ERROR(service_parse(b->text, &s, &line), EBADMSG);
                assert_int_equal(line, b->line);
                assert_null(s.argv.v);
        }
}

static void test_stop_signal_default(void **state) {
        _cleanup_(service_done) Service s = {};
        unsigned line;

        ASSERT_OK(service_parse("arg=x", &s, &line));
        assert_int_equal(s.stop_signal, SIGTERM);
}

static void test_listens(void **state) {
        static const char head[] = "  sl  local_address rem_address   st tx_queue rx_queue\n";
        const Service s = { .ports = { 80, 8000 }, .n_ports = 2 };
        char text[512];

        assert_false(service_listens(&s, ""));
        assert_false(service_listens(&s, head));
        snprintf(text, sizeof(text), "%s   0: 00000000:1F40 00000000:0000 0A 00000000:00000000\n",
                 head);
        assert_true(service_listens(&s, text));
        snprintf(text, sizeof(text), "%s   0: 00000000:1F40 00000000:0000 01 00000000:00000000\n",
                 head);
        assert_false(service_listens(&s, text)); /* a connection */
        snprintf(text, sizeof(text), "%s   0: 00000000:1F41 00000000:0000 0A 00000000:00000000\n",
                 head);
        assert_false(service_listens(&s, text)); /* another port */
        snprintf(text, sizeof(text),
                 "%s   0: 00000000000000000000000000000000:0016 "
                 "00000000000000000000000000000000:0000 0A 0\n"
                 "   1: 00000000000000000000000000000000:0050 "
                 "00000000000000000000000000000000:0000 0A 0\n",
                 head);
        assert_true(service_listens(&s, text));
}

static void write_text(char path[static 32], const char *text) {
        int fd;

        snprintf(path, 32, "/tmp/guest-init-XXXXXX");
        fd = mkstemp(path);
        assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
        close(fd);
}

static void test_users(void **state) {
        static const struct {
                const char *wanted;
                int r;
                unsigned uid, gid, groups;
                const char *home;
        } users[] = {
                { NULL, 0, 0, 0, 2, "/root" },      { "", 0, 0, 0, 2, "/root" },
                { "web", 0, 7, 8, 2, "/" },         { "7", 0, 7, 8, 2, "/" },
                { "web:extra", 0, 7, 9, 0, "/" },   { "7:1000", 0, 7, 1000, 0, "/" },
                { "4711", 0, 4711, 0, 1, "/" },     { "4711:4712", 0, 4711, 4712, 0, "/" },
                { "none", -ENOENT, 0, 0, 0, "" },   { "web:none", -ENOENT, 0, 0, 0, "" },
                { "broken", -ENOENT, 0, 0, 0, "" },
        };
        char passwd[32], group[32];

        write_text(passwd, "root:x:0:0:root:/root:/bin/sh\nbroken\nbroken:x:x:y\nweb:x:7:8:::\n");
        write_text(group, "root:x:0:\nweb:x:8:\nextra:x:9:a,root,web\nwebx:x:10:aweb,webb\n");
        FOREACH_ELEMENT (u, users) {
                User user = {};

                assert_int_equal(user_find(u->wanted, passwd, group, &user), u->r);
                assert_int_equal(user.uid, u->uid);
                assert_int_equal(user.gid, u->gid);
                assert_int_equal(user.n_groups, u->groups);
                assert_string_equal(user.home, u->home);
        }
        unlink(passwd);
        unlink(group);
        assert_int_equal(user_find("7", passwd, group, &(User){}), 0); /* no such files */
        assert_int_equal(user_find("web", passwd, group, &(User){}), -ENOENT);
}

static void check_files(const char *name, const char *const *expected) {
        static const char dep[] = "kernel/net/ipv4/tcp_bbr.ko:\n"
                                  "kernel/net/sched/sch-fq.ko: kernel/lib/b.ko.xz kernel/lib/a.ko\n"
                                  "kernel/lib/a.ko:\nkernel/lib/b.ko.xz: kernel/lib/a.ko\n"
                                  "kernel/net/ipv6/ipv6.ko:";
        static const char alias[] = "# Aliases\nalias net-pf-10 ipv6\nalias tcp_x none\n";
        _cleanup_strv_ Strv files = {};
        size_t n = 0;

        assert_int_equal(modprobe_files(dep, alias, name, &files), *expected ? 0 : -ENOENT);
        for (; expected[n]; n++) {
                assert_true(n < files.n);
                assert_string_equal(files.v[n], expected[n]);
        }
        assert_int_equal(files.n, n);
}

static void test_modules(void **state) {
        check_files("tcp_bbr", (const char *const[]){ "kernel/net/ipv4/tcp_bbr.ko", NULL });
        check_files("tcp-bbr", (const char *const[]){ "kernel/net/ipv4/tcp_bbr.ko", NULL });
        check_files("sch_fq", (const char *const[]){ "kernel/lib/a.ko", "kernel/lib/b.ko.xz",
                                                     "kernel/net/sched/sch-fq.ko", NULL });
        check_files("net-pf-10", (const char *const[]){ "kernel/net/ipv6/ipv6.ko", NULL });
        check_files("tcp_x", (const char *const[]){ NULL });
        check_files("tcp", (const char *const[]){ NULL });
        check_files("", (const char *const[]){ NULL });
}

static void test_cmdline(void **state) {
        static const char line[] = "a umld_dns=1.1.1.1,2.2.2.2 xumld_mtu=1 umld_mtu=1400\n";
        _cleanup_free_ char *dns = cmdline_value(line, "umld_dns"),
                            *mtu = cmdline_value(line, "umld_mtu");

        assert_string_equal(dns, "1.1.1.1,2.2.2.2");
        assert_string_equal(mtu, "1400");
        assert_null(cmdline_value(line, "umld_address"));
        assert_null(cmdline_value("", "a"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_service),
                cmocka_unit_test(test_service_refused),
                cmocka_unit_test(test_stop_signal_default),
                cmocka_unit_test(test_listens),
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_modules),
                cmocka_unit_test(test_cmdline),
        };

        return RUN_TESTS(tests);
}
