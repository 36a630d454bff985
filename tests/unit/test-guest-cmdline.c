/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-guest-cmdline.c - argv and environment of the kernel, word by word. */

#include <arpa/inet.h>
#include <string.h>

#include "test.h"

#include "daemon/boot/cmdline.h"

static char kernel_path[] = "/usr/bin/linux.uml", root_img[] = "/v/root.img",
            data_img[] = "/v/data.img", cow[] = "/v/data.cow", name[] = "web", hostname[] = "shop";

static const GuestPaths paths = { .umid = "web",
                                  .uml_dir = "/run/umld/web/uml",
                                  .notify = "/run/umld/web/notify" };

static GuestNet net;

static Config make_config(void) {
        Config c = {
                .name = name,
                .kernel = kernel_path,
                .memory = UINT64_C(64) << 20,
                .cpus = 2,
                .disks = { { .path = root_img } },
                .n_disks = 1,
                .fast_boot = true,
                .hostname = hostname,
                .tap = "tap0",
                .host_prefix = 24,
                .n_dns = 2,
        };

        inet_pton(AF_INET, "10.0.0.1", &c.host_address);
        inet_pton(AF_INET, "10.0.0.2", &c.guest_address);
        inet_pton(AF_INET, "8.8.8.8", &c.dns[0]);
        inet_pton(AF_INET, "8.8.4.4", &c.dns[1]);
        return c;
}

static void check(const Config *c, const UmlKernel *k, const char *expected) {
        _cleanup_strv_ Strv argv = {};
        char text[4096] = "";

        ASSERT_OK(guest_cmdline(c, k, &net, &paths, &argv));
        for (size_t i = 0; i < argv.n; i++) {
                strcat(text, argv.v[i]);
                strcat(text, "\n");
        }
        assert_string_equal(text, expected);
}

#define COMMON                                                                                     \
        "umid=web\n"                                                                               \
        "uml_dir=/run/umld/web/uml\n"                                                              \
        "mconsole=notify:/run/umld/web/notify\n"                                                   \
        "con=null\n"                                                                               \
        "con0=fd:3,fd:1\n"                                                                         \
        "noreboot\n"                                                                               \
        "hostfs=/dev/null\n"

#define WORDS                                                                                      \
        "systemd.hostname=shop\n"                                                                  \
        "umld_hostname=shop\n"                                                                     \
        "umld_address=10.0.0.2/24\n"                                                               \
        "umld_gateway=10.0.0.1\n"                                                                  \
        "umld_dns=8.8.8.8,8.8.4.4\n"

static void test_old_kernel(void **state) {
        const UmlKernel k = {
                .major = 6, .minor = 1, .tuntap = true, .vector = true, .raid6_benchmark = true
        };
        Config c = make_config();

        check(&c, &k,
              "/usr/bin/linux.uml\nmem=65536K\nubda=/v/"
              "root.img\neth0=tuntap,tap0,02:1e:72:48:19:e1\n" COMMON
              "lpj=20000000\npty.legacy_count=0\ninitcall_blacklist=raid6_select_algo,raid6_"
              "init\nroot=/dev/"
              "ubda\nrw\n" WORDS);
}

static void test_new_kernel(void **state) {
        const UmlKernel k = { .major = 7, .minor = 2, .vector = true, .ip_pnp = true, .smp = true };
        char word[] = "init=/bin/sh", *append[] = { word, NULL };
        Config c = make_config();

        c.fast_boot = false;
        c.disks[0].read_only = true;
        c.disks[1] = (Disk){ .path = data_img, .cow = cow, .sync = true };
        c.n_disks = 2;
        c.append = (Strv){ .v = append, .n = 1 };
        check(&c, &k,
              "/usr/bin/linux.uml\nmem=65536K\nubdar=/v/root.img\nubdbs=/v/data.cow,/v/data.img\n"
              "vec0:transport=tap,ifname=tap0,depth=128,gro=1,mac=02:1e:72:48:19:e1\n" COMMON
              "ncpus=2\nroot=/dev/ubda\nro\n"
              "ip=10.0.0.2::10.0.0.1:255.255.255.0:shop:vec0:off:8.8.8.8:8.8.4.4\n" WORDS
              "init=/bin/sh\n");
}

static void test_swap(void **state) {
        static const UmlKernel k = { .tuntap = true };
        Config c = make_config();

        c.fast_boot = false;
        c.disks[1] = (Disk){ .path = data_img, .swap = true };
        c.disks[2] = (Disk){ .path = data_img };
        c.disks[3] = (Disk){ .path = data_img, .swap = true };
        c.n_disks = 4;
        check(&c, &k,
              "/usr/bin/linux.uml\nmem=65536K\nubda=/v/root.img\nubdb=/v/data.img\n"
              "ubdc=/v/data.img\nubdd=/v/data.img\neth0=tuntap,tap0,02:1e:72:48:19:e1\n" COMMON
              "root=/dev/ubda\nrw\n" WORDS "umld_swap=ubdb,ubdd\n");
}

/* The words for init are there in any case. */
static void test_configure_by_init(void **state) {
        static const UmlKernel k = { .vector = true, .ip_pnp = true };
        Config c = make_config();

        c.fast_boot = false;
        c.configure_by = CONFIGURE_BY_INIT;
        check(&c, &k,
              "/usr/bin/linux.uml\nmem=65536K\nubda=/v/root.img\n"
              "vec0:transport=tap,ifname=tap0,depth=128,gro=1,mac=02:1e:72:48:19:e1\n" COMMON
              "root=/dev/ubda\nrw\n" WORDS);
}

/* Told to the kernel where it asks, and to init, unless it is what they would think anyway. */
static void test_mtu(void **state) {
        static const UmlKernel tuntap = { .tuntap = true }, vector = { .vector = true };
        Config c = make_config();

        c.fast_boot = false;
        net.mtu = 1400;
        check(&c, &vector,
              "/usr/bin/linux.uml\nmem=65536K\nubda=/v/root.img\n"
              "vec0:transport=tap,ifname=tap0,depth=128,gro=1,mac=02:1e:72:48:19:e1,mtu="
              "1400\n" COMMON "root=/dev/ubda\nrw\n" WORDS "umld_mtu=1400\n");
        check(&c, &tuntap,
              "/usr/bin/linux.uml\nmem=65536K\nubda=/v/root.img\n"
              "eth0=tuntap,tap0,02:1e:72:48:19:e1\n" COMMON "root=/dev/ubda\nrw\n" WORDS
              "umld_mtu=1400\n");
        net.mtu = 1500;
        check(&c, &tuntap,
              "/usr/bin/linux.uml\nmem=65536K\nubda=/v/root.img\n"
              "eth0=tuntap,tap0,02:1e:72:48:19:e1\n" COMMON "root=/dev/ubda\nrw\n" WORDS);
        net.mtu = 0;
}

static void test_ipv6(void **state) {
        static const UmlKernel tuntap = { .tuntap = true };
        Config c = make_config();

        c.fast_boot = false;
        c.host_prefix6 = 64;
        inet_pton(AF_INET6, "fd00::1", &c.host_address6);
        inet_pton(AF_INET6, "fd00::2", &c.guest_address6);
#define BEGINNING                                                                                  \
        "/usr/bin/linux.uml\nmem=65536K\nubda=/v/"                                                 \
        "root.img\neth0=tuntap,tap0,02:1e:72:48:19:e1\n" COMMON "root=/dev/ubda\nrw\n" WORDS
        check(&c, &tuntap, BEGINNING); /* the host could not do it */
        net.ipv6 = true;
        check(&c, &tuntap, BEGINNING "umld_address6=fd00::2/64\numld_gateway6=fd00::1\n");
        net.ipv6 = false;
}

static void test_transport(void **state) {
        const UmlKernel both = { .tuntap = true, .vector = true }, neither = {},
                        modern = { .vector = true };
        Config c = make_config();
        _cleanup_strv_ Strv argv = {};

        assert_int_equal(guest_transport(&c, &both), TRANSPORT_TUNTAP);
        assert_int_equal(guest_transport(&c, &modern), TRANSPORT_VECTOR);
        assert_int_equal(guest_transport(&c, &neither), TRANSPORT_AUTO);
        c.transport = TRANSPORT_VECTOR;
        assert_int_equal(guest_transport(&c, &both), TRANSPORT_VECTOR);
        c.transport = TRANSPORT_TUNTAP;
        assert_int_equal(guest_transport(&c, &modern), TRANSPORT_AUTO);
        ASSERT_ERROR(guest_cmdline(&c, &modern, &net, &paths, &argv), EOPNOTSUPP);
        assert_null(argv.v);
}

static void test_mac(void **state) {
        struct ether_addr a = guest_mac("web"), b = guest_mac("web"), other = guest_mac("web2");

        assert_memory_equal(&a, &b, sizeof(a));
        assert_memory_not_equal(&a, &other, sizeof(a));
        assert_int_equal(a.ether_addr_octet[0] & 3, 2); /* locally administered, not a group */
}

static void test_environment(void **state) {
        _cleanup_strv_ Strv plain = {}, tuned = {}, preloaded = {}, both = {};
        GuestEnvironment e = {};

        e.memory = "/dev/shm";
        ASSERT_OK(guest_environment(&e, &plain));
        assert_int_equal(plain.n, 3);
        assert_string_equal(plain.v[1], "TMPDIR=/dev/shm");
        assert_string_equal(plain.v[2], "GLIBC_TUNABLES=glibc.pthread.rseq=0");
        e.tunables = "glibc.pthread.rseq=1:glibc.malloc.check=3";
        ASSERT_OK(guest_environment(&e, &tuned));
        assert_string_equal(tuned.v[2], "GLIBC_TUNABLES=glibc.pthread.rseq=1:glibc.malloc.check=3:"
                                        "glibc.pthread.rseq=0");
        e.tunables = "";
        e.preload[1] = "/usr/lib/umld/umld-cpu-fix.so";
        ASSERT_OK(guest_environment(&e, &preloaded));
        assert_string_equal(preloaded.v[2], plain.v[2]);
        assert_string_equal(preloaded.v[3], "LD_PRELOAD=/usr/lib/umld/umld-cpu-fix.so");
        e = (GuestEnvironment){ .memory = "/memory",
                                .objects = "/lib",
                                .preload = { "/l/tun.so", "/l/cpu.so", "/l/console.so" } };
        ASSERT_OK(guest_environment(&e, &both));
        assert_string_equal(both.v[3], "LD_LIBRARY_PATH=/lib");
        assert_string_equal(both.v[4], "LD_PRELOAD=/l/tun.so:/l/cpu.so:/l/console.so");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_old_kernel),
                cmocka_unit_test(test_new_kernel),
                cmocka_unit_test(test_configure_by_init),
                cmocka_unit_test(test_mtu),
                cmocka_unit_test(test_swap),
                cmocka_unit_test(test_ipv6),
                cmocka_unit_test(test_transport),
                cmocka_unit_test(test_mac),
                cmocka_unit_test(test_environment),
        };

        return RUN_TESTS(tests);
}
