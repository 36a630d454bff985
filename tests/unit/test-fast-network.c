/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-fast-network.c - what a kernel is told of TCP, by what it has, its memory and Append=. */

#include <string.h>

#include "test.h"

#include "daemon/boot/cmdline.h"
#include "daemon/boot/fast-network.h"

#define MIB (UINT64_C(1) << 20)

static const UmlKernel full = {
        .major = 6, .minor = 1, .bbr = true, .fq = true, .syncookies = true, .proc_sysctl = true
};

static char *arguments(const UmlKernel *k, uint64_t memory, bool on, char **append) {
        _cleanup_strv_ Strv argv = {};
        Config c = { .memory = memory, .fast_network = on };
        char *text;

        while (append && append[c.append.n])
                c.append.n++;
        c.append.v = append;
        ASSERT_OK(fast_network_arguments(&c, k, &argv));
        text = strdup("");
        for (size_t i = 0; i < argv.n; i++) {
                char *longer = strfmt("%s%s\n", text, argv.v[i]);

                free(text);
                text = longer;
        }
        assert_non_null(text);
        return text;
}

#define CHECK(expected, ...)                                                                       \
        do {                                                                                       \
                _cleanup_free_ char *text = arguments(__VA_ARGS__);                                \
                assert_string_equal(text, expected);                                               \
        } while (0)

#define CONGESTION                                                                                 \
        "sysctl.net.core.default_qdisc=fq\n"                                                       \
        "sysctl.net.ipv4.tcp_congestion_control=bbr\n"
#define UNSENT "sysctl.net.ipv4.tcp_notsent_lowat=262144\n"
#define END                                                                                        \
        "sysctl.net.ipv4.tcp_fastopen=3\n"                                                         \
        "sysctl.net.ipv4.tcp_mtu_probing=1\n"
#define BUFFERS(send, receive, limits)                                                             \
        "sysctl.net.ipv4.tcp_wmem=\"4096 16384 " send "\"\n"                                       \
        "sysctl.net.ipv4.tcp_rmem=\"4096 131072 " receive "\"\n"                                   \
        "sysctl.net.ipv4.tcp_mem=\"" limits "\"\n"
#define BACKLOG(n) "sysctl.net.core.somaxconn=" n "\nsysctl.net.ipv4.tcp_max_syn_backlog=" n "\n"
#define COOKIES    "sysctl.net.ipv4.tcp_syncookies=1\n"

static void test_memory(void **state) {
        CHECK(CONGESTION BUFFERS("8388608", "8388608", "1024 2048 3072") UNSENT BACKLOG("512")
                      COOKIES END,
              &full, 32 * MIB, true, NULL);
        CHECK(CONGESTION BUFFERS("16777216", "16777216", "2048 4096 6144") UNSENT BACKLOG("1024")
                      COOKIES END,
              &full, 64 * MIB, true, NULL);
        CHECK(CONGESTION BUFFERS("33554432", "33554432", "4096 8192 12288") UNSENT BACKLOG("2048")
                      COOKIES END,
              &full, 128 * MIB, true, NULL);
        CHECK(CONGESTION BUFFERS("33554432", "33554432", "4096 8192 12288") UNSENT BACKLOG("4096")
                      COOKIES END,
              &full, 256 * MIB, true, NULL);
        CHECK(CONGESTION BUFFERS("33554432", "33554432", "8192 16384 24576") UNSENT BACKLOG("4096")
                      COOKIES END,
              &full, 512 * MIB, true, NULL);
        CHECK(CONGESTION BUFFERS("33554432", "33554432", "16777216 33554432 50331648")
                      UNSENT BACKLOG("4096") COOKIES END,
              &full, 1024 * 1024 * MIB, true, NULL);
}

/* A kernel is not told of what it has not, nor at all where it does not take such arguments. */
static void test_kernel(void **state) {
        UmlKernel k = full;

        k.bbr = k.fq = k.syncookies = false;
        CHECK(BUFFERS("16777216", "16777216", "2048 4096 6144") UNSENT BACKLOG("1024") END, &k,
              64 * MIB, true, NULL);
        k = full;
        k.proc_sysctl = false;
        CHECK("", &k, 64 * MIB, true, NULL);
        k = full;
        k.major = 5;
        k.minor = 7;
        CHECK("", &k, 64 * MIB, true, NULL);
        k.minor = 8;
        CHECK(CONGESTION BUFFERS("16777216", "16777216", "2048 4096 6144") UNSENT BACKLOG("1024")
                      COOKIES END,
              &k, 64 * MIB, true, NULL);
        CHECK("", &full, 64 * MIB, false, NULL);
}

/* What the user says himself is not said twice. */
static void test_append(void **state) {
        char dots[] = "sysctl.net.ipv4.tcp_wmem=4096 16384 65536",
             slashes[] = "sysctl/net/ipv4/tcp_rmem=4096 16384 65536",
             mixed[] = "sysctl.net/ipv4/tcp_mem=1 2 3", longer[] = "sysctl.net.core.somaxconn_=9",
             bare[] = "sysctl.net.core.somaxconn", other[] = "net.core.somaxconn=9";
        char *append[] = { dots, slashes, mixed, longer, bare, other, NULL };

        CHECK(CONGESTION UNSENT BACKLOG("1024") COOKIES END, &full, 64 * MIB, true, append);
}

/* Room on the command line is for what the user asks for; and a kernel would end of too much. */
static void test_room(void **state) {
        static const GuestPaths paths = { .umid = "web", .uml_dir = "/u", .notify = "/n" };
        static const GuestNet net;
        UmlKernel k = full;
        char word[4096], *append[] = { word, NULL };
        Config c = { .name = (char *) "web",
                     .kernel = (char *) "/k",
                     .hostname = (char *) "web",
                     .memory = 64 * MIB,
                     .fast_network = true,
                     .tap = "tap0",
                     .n_disks = 1,
                     .disks = { { .path = (char *) "/i" } },
                     .append = { .v = append, .n = 1 } };
        const size_t sizes[] = { 3000, 3500, 4090 };
        const int results[] = { 0, 1, -E2BIG };

        k.tuntap = true;
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_strv_ Strv argv = {};
                size_t length = 0, told = 0;

                memset(word, 'x', sizes[i]);
                word[sizes[i]] = '\0';
                assert_int_equal(guest_cmdline(&c, &k, &net, &paths, &argv), results[i]);
                for (size_t n = 0; n < argv.n; n++) {
                        length += strlen(argv.v[n]) + 1;
                        told += startswith(argv.v[n], "sysctl.") != NULL;
                }
                assert_true(length < 4096 + strlen("/k "));
                assert_int_equal(told, results[i] == 0 ? 11 : 0);
        }
        c.fast_network = false; /* then nothing was left out */
        word[3500] = '\0';
        {
                _cleanup_strv_ Strv argv = {};

                assert_int_equal(guest_cmdline(&c, &k, &net, &paths, &argv), 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_memory),
                cmocka_unit_test(test_kernel),
                cmocka_unit_test(test_append),
                cmocka_unit_test(test_room),
        };

        return RUN_TESTS(tests);
}
