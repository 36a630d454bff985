/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-config.c - what a good NAME.conf means: defaults, values, forms of lines, and files that are
 * none. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "conf/config.h"
#include "conf/settings.h"

static Config *parse(const char *text) {
        _cleanup_free_ char *error = NULL;
        Config *c = NULL;
        int r = config_parse("web", "web.conf", text, strlen(text), "/state/web/root.img", &c,
                             &error);

        if (r < 0)
                fail_msg("%s\n%s", text, error ?: "?");
        assert_null(error);
        return c;
}

static void assert_address(struct in_addr a, const char *text) {
        assert_string_equal(inet_ntop(AF_INET, &a, (char[INET_ADDRSTRLEN]){ 0 }, INET_ADDRSTRLEN),
                            text);
}

static void test_defaults(void **state) {
        _cleanup_(config_freep) Config *c = parse("");

        assert_string_equal(c->name, "web");
        assert_string_equal(c->file, "web.conf");
        assert_string_equal(c->kernel, "/usr/bin/linux.uml");
        assert_int_equal(c->memory, 64 << 20);
        assert_int_equal(c->cpus, 1);
        assert_int_equal(c->n_disks, 1);
        assert_string_equal(c->disks[0].path, "/state/web/root.img");
        assert_null(c->disks[0].cow);
        assert_false(c->disks[0].read_only);
        assert_false(c->disks[0].sync);
        assert_int_equal(c->append.n, 0);
        assert_true(c->fast_boot);
        assert_true(c->fast_network);
        assert_string_equal(c->hostname, "web");
        assert_string_equal(c->tap, "");
        assert_true(config_network_is_auto(c));
        assert_int_equal(c->n_dns, 2);
        assert_address(c->dns[0].v4, "8.8.8.8");
        assert_address(c->dns[1].v4, "8.8.4.4");
        assert_int_equal(c->uplinks.n, 0);
        assert_int_equal(c->uplinks6.n, 0);
        assert_int_equal(c->transport, TRANSPORT_AUTO);
        assert_int_equal(c->masquerade, MASQUERADE_AUTO);
        assert_int_equal(c->host_access, HOST_ACCESS_ICMP);
        assert_int_equal(c->backend, RULES_AUTO);
        assert_int_equal(c->mtu, 0);
        assert_false(config_has_ipv6(c));
        assert_int_equal(c->n_forwards, 0);
        assert_int_equal(c->ready, READY_BOOT);
        assert_int_equal(c->start_timeout, 90 * USEC_PER_SEC);
        assert_int_equal(c->stop_timeout, 30 * USEC_PER_SEC);
        assert_int_equal(c->adopt_timeout, 60 * USEC_PER_SEC);
        assert_int_equal(c->restart, RESTART_ON_CRASH);
        assert_int_equal(c->restart_delay, 0);
        assert_int_equal(c->restart_delay_max, 5 * USEC_PER_MINUTE);
        assert_int_equal(c->restart_reset, 10 * USEC_PER_MINUTE);
        assert_int_equal(c->disk_sync, 5 * USEC_PER_SEC);
        assert_int_equal(c->hang_check, 5 * USEC_PER_SEC);
        assert_int_equal(c->hang_timeout, 30 * USEC_PER_SEC);
        assert_true(c->log);
        assert_int_equal(c->log_max, 10 << 20);
        assert_int_equal(c->log_files, 5);
        assert_string_equal(c->user, "auto");
}

static void test_guest(void **state) {
        _cleanup_(config_freep) Config *c =
                parse("[Guest]\n"
                      "Kernel=/opt/my kernel/linux\n"
                      "Memory=1G\n"
                      "CPUs=64\n"
                      "Disk=/a.img\n"
                      "Disk=/b.img,ro,adopt\n"
                      "Disk=/base.img,sync,cow=/c.cow\n"
                      "Disk=/base.img,cow=/d.cow\n"
                      "Disk=/swap.img,swap=1G\n"
                      "Disk=/old.swap,swap,adopt\n"
                      "Root=disk\n"
                      "Append=root=/dev/ubdb ro\n"
                      "Append=init=/bin/sh 'dyndbg=\"file x.c +p\"' console=tty0\n"
                      "FastBoot=no\n"
                      "Hostname=web.example.org\n");
        static const char *const words[] = { "root=/dev/ubdb", "ro", "init=/bin/sh",
                                             "dyndbg=\"file x.c +p\"", "console=tty0" };

        assert_string_equal(c->kernel, "/opt/my kernel/linux");
        assert_true(c->memory == UINT64_C(1) << 30);
        assert_int_equal(c->cpus, 64);
        assert_int_equal(c->n_disks, 6);
        assert_string_equal(c->disks[0].path, "/a.img");
        assert_string_equal(c->disks[1].path, "/b.img");
        assert_true(c->disks[1].read_only);
        assert_true(c->disks[1].adopt);
        assert_string_equal(c->disks[2].path, "/base.img");
        assert_string_equal(c->disks[2].cow, "/c.cow");
        assert_true(c->disks[2].sync);
        assert_false(c->disks[2].read_only);
        assert_string_equal(c->disks[3].cow, "/d.cow");
        assert_false(c->disks[3].swap);
        assert_true(c->disks[4].swap);
        assert_int_equal(c->disks[4].swap_size, 1 << 30);
        assert_true(c->disks[5].swap);
        assert_int_equal(c->disks[5].swap_size, 0);
        assert_int_equal(c->append.n, ARRAY_SIZE(words));
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                assert_string_equal(c->append.v[i], words[i]);
        assert_null(c->append.v[ARRAY_SIZE(words)]);
        assert_false(c->fast_boot);
        assert_string_equal(c->hostname, "web.example.org");
}

static void test_network(void **state) {
        _cleanup_(config_freep) Config *c = parse("[Network]\n"
                                                  "Tap=uml-web.0_1\n"
                                                  "HostAddress=192.168.7.5/30\n"
                                                  "GuestAddress=192.168.7.6\n"
                                                  "HostAddress6=fd00:0:0:7::1/64\n"
                                                  "GuestAddress6=fd00:0:0:7::2\n"
                                                  "MTU=1400\n"
                                                  "HostAccess=all\n"
                                                  "DNS=9.9.9.9\t1.1.1.1  10.0.0.53\n"
                                                  "Uplink=venet0 ppp0\n"
                                                  "Uplink6=he-ipv6\n"
                                                  "Masquerade6=snat\n"
                                                  "SNATAddress=2001:db8::9\n"
                                                  "Transport=vector\n"
                                                  "FastNetwork=no\n"
                                                  "Masquerade=no\n"
                                                  "Forward=tcp/8000-8010, udp/53,tcp+udp/123:1123\n"
                                                  "Forward=tcp/2200-2210:22-32 tcp6/80\n"
                                                  "Forward=tcp/203.0.113.7:80\n"
                                                  "Backend=nftables\n"
                                                  "[Memory]\n"
                                                  "Backing=dir:/var/lib/umld memory\n"
                                                  "Balloon=auto\n");
        static const char *const forwards[] = { "tcp/8000-8010",    "udp/53",
                                                "tcp+udp/123:1123", "tcp/2200-2210:22-32",
                                                "tcp6/80",          "tcp/203.0.113.7:80" };
        char text[FORWARD_TEXT_MAX];

        assert_string_equal(c->tap, "uml-web.0_1");
        assert_int_equal(c->backing, BACKING_DIR);
        assert_string_equal(c->backing_dir, "/var/lib/umld memory");
        assert_int_equal(c->balloon, BALLOON_AUTO);
        assert_address(c->host_address, "192.168.7.5");
        assert_int_equal(c->host_prefix, 30);
        assert_address(c->guest_address, "192.168.7.6");
        assert_true(config_has_ipv6(c));
        assert_int_equal(c->host_prefix6, 64);
        assert_int_equal(c->host_address6.s6_addr[15], 1);
        assert_int_equal(c->guest_address6.s6_addr[15], 2);
        assert_int_equal(c->mtu, 1400);
        assert_false(c->fast_network);
        assert_int_equal(c->host_access, HOST_ACCESS_ALL);
        assert_int_equal(c->backend, RULES_NFTABLES);
        assert_int_equal(c->n_dns, 3);
        assert_address(c->dns[1].v4, "1.1.1.1");
        assert_address(c->dns[2].v4, "10.0.0.53");
        assert_int_equal(c->uplinks.n, 2);
        assert_string_equal(c->uplinks.list[0], "venet0");
        assert_string_equal(c->uplinks.list[1], "ppp0");
        assert_string_equal(c->uplinks6.list[0], "he-ipv6");
        assert_true(ip_address_is_any(&c->snat_addresses[0]));
        assert_int_equal(c->snat_addresses[1].v6.s6_addr[15], 9);
        assert_int_equal(c->masquerade6, MASQUERADE_SNAT);
        assert_int_equal(c->transport, TRANSPORT_VECTOR);
        assert_int_equal(c->masquerade, MASQUERADE_NO);
        assert_int_equal(c->n_forwards, ARRAY_SIZE(forwards));
        for (size_t i = 0; i < ARRAY_SIZE(forwards); i++)
                assert_string_equal(forward_format(&c->forwards[i], text), forwards[i]);
}

static void test_bandwidth(void **state) {
        static const struct {
                const char *text;
                uint64_t in, out;
                bool on;
        } cases[] = {
                { "", 0, 0, false },
                { "[Network]\nBandwidth=100M\n", 100000000, 100000000, true },
                { "[Network]\nBandwidth=in:64K\n", 64000, 0, true },
                { "[Network]\nBandwidth=out:32G in:1000000\n", 1000000, 32000000000, true },
        };

        FOREACH_ELEMENT (e, cases) {
                _cleanup_(config_freep) Config *c = parse(e->text);

                assert_true(c->bandwidth[BANDWIDTH_IN] == e->in);
                assert_true(c->bandwidth[BANDWIDTH_OUT] == e->out);
                assert_int_equal(config_has_layer(c, CONFINE_BANDWIDTH), e->on);
        }
}

static void test_rest(void **state) {
        _cleanup_(config_freep) Config *c = parse("[Supervise]\n"
                                                  "Ready=guest\n"
                                                  "StartTimeout=2min 30s\n"
                                                  "StopTimeout=500ms\n"
                                                  "Restart=always\n"
                                                  "RestartDelay=1s\n"
                                                  "RestartDelayMax=1s\n"
                                                  "RestartReset=1h\n"
                                                  "HangCheck=0s\n"
                                                  "HangTimeout=100ms\n"
                                                  "[Console]\n"
                                                  "Log=off\n"
                                                  "LogMax=4K\n"
                                                  "LogFiles=1\n"
                                                  "[Confine]\n"
                                                  "User=1000\n");

        assert_int_equal(c->ready, READY_GUEST);
        assert_int_equal(c->start_timeout, 150 * USEC_PER_SEC);
        assert_int_equal(c->stop_timeout, 500 * USEC_PER_MSEC);
        assert_int_equal(c->restart, RESTART_ALWAYS);
        assert_int_equal(c->restart_delay, USEC_PER_SEC);
        assert_int_equal(c->restart_delay_max, USEC_PER_SEC);
        assert_int_equal(c->restart_reset, USEC_PER_HOUR);
        assert_int_equal(c->hang_check, 0);
        assert_int_equal(c->hang_timeout, 100 * USEC_PER_MSEC);
        assert_false(c->log);
        assert_int_equal(c->log_max, 4096);
        assert_int_equal(c->log_files, 1);
        assert_string_equal(c->user, "1000");
}

/* The forms a line may have. */
static void test_lines(void **state) {
        static const char *const same[] = {
                "[Guest]\nMemory=128M\n",
                "[Guest]\nMemory=128M", /* no newline at the end */
                "\n\n[Guest]\n\n\nMemory=128M\n\n",
                "# comment\n; comment ; with # more\n[Guest]\n  # indented\nMemory=128M\n",
                "[Guest]\nMemory = 128M\n",
                "\t[Guest] \n \tMemory\t=\t128M \t\n",
                "[Console]\n[Guest]\n[Guest]\nMemory=128M\n", /* empty and repeated sections */
                "[Guest]\nHostname=web\n[Network]\n[Guest]\nMemory=128M\n",
        };

        FOREACH_ELEMENT (text, same) {
                _cleanup_(config_freep) Config *c = parse(*text);

                assert_int_equal(c->memory, 128 << 20);
        }
}

/* Lines may be as long as they like; nothing of them is cut. */
static void test_long_lines(void **state) {
        static char text[100000], word[4000];
        _cleanup_(config_freep) Config *c = NULL;
        char *p = text;

        memset(word, 'x', sizeof(word) - 1);
        p += sprintf(p, "#%9000d\n[Guest]\n  Append=%s  %s\n;%9000d\nAppend=last\n", 1, word, word,
                     2);
        p += sprintf(p, "[Network]\nForward=");
        for (unsigned port = 1000; port < 1300; port++)
                p += sprintf(p, "tcp/%u:%u ", port, port - 1000 + 1);
        c = parse(text);
        assert_int_equal(c->append.n, 3);
        assert_string_equal(c->append.v[0], word);
        assert_string_equal(c->append.v[1], word);
        assert_string_equal(c->append.v[2], "last");
        assert_int_equal(c->n_forwards, 300);
        assert_int_equal(c->forwards[299].host_first, 1299);
        assert_int_equal(c->forwards[299].guest_first, 300);
}

static void test_users(void **state) {
        static const char *const users[] = { "auto",     "root", "www-data",  "_uml",
                                             "umld.web", "1",    "4294967294" };

        FOREACH_ELEMENT (u, users) {
                _cleanup_free_ char *text = strfmt("[Confine]\nUser=%s\n", *u);
                _cleanup_(config_freep) Config *c = parse(text);

                assert_string_equal(c->user, *u);
        }
}

static void test_enums(void **state) {
#define ASSERT_TABLE(name, max)                                                                    \
        ({                                                                                         \
                assert_non_null(name##_to_string((max) -1));                                       \
                assert_null(name##_to_string(max));                                                \
                assert_null(name##_to_string(-1));                                                 \
        })
        ASSERT_TABLE(transport, TRANSPORT_MAX);
        ASSERT_TABLE(masquerade, MASQUERADE_MAX);
        ASSERT_TABLE(host_access, HOST_ACCESS_MAX);
        ASSERT_TABLE(rules_backend, RULES_BACKEND_MAX);
        ASSERT_TABLE(memory_backing, MEMORY_BACKING_MAX);
        for (int i = 0; i < MEMORY_BACKING_MAX; i++)
                assert_int_equal(memory_backing_from_string(memory_backing_to_string(i)), i);
        assert_int_equal(memory_backing_from_string(""), -EINVAL);
}

/* The setting without which this one makes no sense. */
static const Setting *partner(const Setting *s) {
        if (streq(s->key, "HostAddress6"))
                return setting_find("Network", "GuestAddress6");
        return streq(s->key, "GuestAddress6") ? setting_find("Network", "HostAddress6") : NULL;
}

/* What the table says of itself is true: a default, and an example, is a value its own parser
 * takes. */
static void test_table(void **state) {
        size_t n;
        const Setting *s = settings_table(&n);

        for (size_t i = 0; i < n; i++, s++) {
                const char *value = s->def && s->default_from == DEFAULT_TEXT ? s->def : s->example;
                const Setting *other = partner(s);
                _cleanup_free_ char *text = strfmt("[%s]\n%s=%s\n%s%s%s\n", s->section, s->key,
                                                   value, other ? other->key : "", other ? "=" : "",
                                                   other ? other->example : "");

                assert_non_null(value);
                assert_true((s->syntax != NULL) != (s->n_choices > 0));
                assert_ptr_equal(setting_find(s->section, s->key), s);
                assert_true(strlen(s->help) < 79); /* a line of the manual */
                assert_true(s->help[0] >= 'A' && s->help[0] <= 'Z' &&
                            s->help[strlen(s->help) - 1] != '.');
                if (setting_supported(s))
                        config_free(parse(text));
        }
}

static void assert_load_fails(const char *file, int error, const char *message) {
        _cleanup_free_ char *text = NULL, *expected = strfmt("%s%s", file, message);
        Config *c = NULL;

        assert_int_equal(config_load("web", file, "/root.img", &c, &text), -error);
        assert_null(c);
        assert_non_null(text);
        assert_string_equal(text, expected);
}

static void assert_changed_by_others(const char *file, const char *where) {
        _cleanup_free_ char *message =
                strfmt(": %s may be written by others than root and the user that umld runs as; "
                       "run chown root and chmod go-w on it",
                       where);

        assert_load_fails(file, EINVAL, message);
}

static char dir[] = "/tmp/umld-test-XXXXXX";

static int make_dir(void **state) {
        return mkdtemp(dir) && chmod(dir, 0755) >= 0 ? 0 : -1;
}

static int remove_dir(void **state) {
        return seteuid(getuid()) >= 0 && rm_rf(dir) >= 0 ? 0 : -1;
}

static void test_files(void **state) {
        _cleanup_free_ char *file = NULL, *big = calloc(1, (1 << 20) + 2), *error = NULL;
        _cleanup_(config_freep) Config *c = NULL;

        file = strfmt("%s/web.conf", dir);

        assert_load_fails(file, ENOENT, ": no such file; create it to define this guest");
        assert_load_fails(dir, EINVAL, ": is a directory, not a file");
        assert_load_fails("/dev/null", EINVAL, ": is a device or pipe, not a file");
        assert_int_equal(mkfifo(file, 0600), 0);
        assert_load_fails(file, EINVAL, ": is a device or pipe, not a file");
        ASSERT_OK(unlink_quiet(file));
        assert_int_equal(symlink(file, file), 0);
        assert_load_fails(file, ELOOP, ": cannot be read: Too many levels of symbolic links");

        memset(big, '\n', (1 << 20) + 1);
        ASSERT_OK(write_file_atomic(file, big, (1 << 20) + 1, 0600));
        assert_load_fails(file, EINVAL,
                          ": is larger than 1 MiB, so it is not a configuration file");
        *stpcpy(big + (1 << 20) - 20, "[Guest]\nMemory=1G") = '\n';
        ASSERT_OK(write_file_atomic(file, big, 1 << 20, 0600));
        ASSERT_OK(config_load("web", file, "/root.img", &c, &error));
        assert_true(c->memory == UINT64_C(1) << 30);
        assert_string_equal(c->file, file);

        ASSERT_OK(chmod(file, 0602));
        assert_changed_by_others(file, file);
        ASSERT_OK(chmod(file, 0600));
        ASSERT_OK(chmod(dir, 0777));
        assert_changed_by_others(file, dir);
        ASSERT_OK(chmod(dir, 0755));

        if (geteuid() == 0) /* to whom every file is readable */
                ASSERT_OK(seteuid(65534));
        else
                ASSERT_OK(chmod(file, 0));
        assert_load_fails(file, EACCES, ": cannot be read: Permission denied");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_guest),
                cmocka_unit_test(test_network),
                cmocka_unit_test(test_rest),
                cmocka_unit_test(test_bandwidth),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_long_lines),
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_enums),
                cmocka_unit_test(test_table),
                cmocka_unit_test_setup_teardown(test_files, make_dir, remove_dir),
        };

        return RUN_TESTS(tests);
}
