/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-kernel-version.c - what a kernel's answers mean, and which kernels need the CPU-state fix.
 */

#include "test.h"

#include "uml/kernel-answers.h"

static UmlKernel *new_kernel(void) {
        UmlKernel *k = calloc(1, sizeof(*k));

        assert_non_null(k);
        return k;
}

static void test_version(void **state) {
        static const struct {
                const char *answer, *release;
                unsigned major, minor;
        } good[] = {
                { "6.1.176\n", "6.1.176", 6, 1 },
                { "7.2.13\n", "7.2.13", 7, 2 },
                { "6.12\n", "6.12", 6, 12 },
                { "6.13-rc1+\n", "6.13-rc1+", 6, 13 },
                { "5.10.0-8-um~x_y\n", "5.10.0-8-um~x_y", 5, 10 },
        };

        FOREACH_ELEMENT (g, good) {
                _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();

                ASSERT_OK(kernel_read_version(g->answer, k));
                assert_string_equal(k->release, g->release);
                assert_int_equal(k->major, g->major);
                assert_int_equal(k->minor, g->minor);
        }
}

static void test_version_refused(void **state) {
        static const char *const bad[] = {
                "",
                "\n",
                "6.1",
                "6.1.176",
                "6.1.176\nmore\n",
                "6\n",
                "6.\n",
                ".1\n",
                "six.one\n",
                " 6.1\n",
                "6.1 \n",
                "6x.1\n",
                "6.1x\n",
                "-6.1\n",
                "99999.1\n",
                "6.100000\n",
                "6.\x1b[1m\n",
                "GNU bash, version 5.2\n",
                "6.1.0123456789012345678901234567890123456789012345678901234567890\n",
        };
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();

        FOREACH_ELEMENT (b, bad)
                ASSERT_ERROR(kernel_read_version(*b, k), EBADMSG);
        assert_null(k->release);
}

static void test_config_debian(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();

        ASSERT_OK(kernel_read_config(
                "#\n# Automatically generated file; DO NOT EDIT.\n"
                "CONFIG_CC_VERSION_TEXT=\"gcc\"\nCONFIG_UML=y\n# CONFIG_IP_PNP is not set\n"
                "CONFIG_TCP_CONG_BBR=m\nCONFIG_SCSI_SAS_HOST_SMP=y\nCONFIG_UML_NET_TUNTAP=y\n"
                "CONFIG_UML_NET_VECTOR=y\nCONFIG_RAID6_PQ=y\nCONFIG_RAID6_PQ_BENCHMARK=y\n",
                k));
        assert_true(k->tuntap);
        assert_true(k->vector);
        assert_false(k->ip_pnp);
        assert_false(k->smp);
        assert_false(k->whole_cpu_state);
        assert_true(k->bbr);
        assert_true(k->raid6_benchmark);
}

static void test_config_own(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();

        /* The last line has no newline; look-alikes do not count. */
        ASSERT_OK(kernel_read_config(
                "CONFIG_UML=y\nCONFIG_IP_PNP=y\nCONFIG_TCP_CONG_BBR=y\nCONFIG_RAID6_PQ=y\n"
                "# CONFIG_RAID6_PQ_BENCHMARK is not set\nCONFIG_UML_NET_TUNTAP=yes\n"
                "XCONFIG_UML_NET_VECTOR=y\nCONFIG_UMLD_CPU_STATE=y\nCONFIG_SMP=y",
                k));
        assert_false(k->tuntap);
        assert_false(k->vector);
        assert_true(k->ip_pnp);
        assert_true(k->smp);
        assert_true(k->whole_cpu_state);
        assert_true(k->bbr);
        assert_false(k->raid6_benchmark);
}

static void test_config_raid6(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *module = new_kernel(), *old = new_kernel();

        ASSERT_OK(kernel_read_config(
                "CONFIG_UML=y\nCONFIG_RAID6_PQ=m\nCONFIG_RAID6_PQ_BENCHMARK=y\n", module));
        assert_false(module->raid6_benchmark);
        ASSERT_OK(kernel_read_config("CONFIG_UML=y\nCONFIG_RAID6_PQ=y\n", old));
        assert_true(old->raid6_benchmark);
}

static void test_config_refused(void **state) {
        static const char *const bad[] = { "", "\n", "hello\n", "CONFIG_X86=y\n",
                                           "# CONFIG_UML is not set\n" };
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel();

        FOREACH_ELEMENT (b, bad)
                ASSERT_ERROR(kernel_read_config(*b, k), EBADMSG);
}

static void test_help(void **state) {
        static const char answer[] =
                "User Mode Linux v6.1.176\n\tavailable at http://example.org/\n\n"
                "--showconfig\n    Prints the config file.\n\n"
                "mem=<Amount of desired ram>\n    This controls memory.\n\tExample: mem=64M\n\n"
                "debug\n    this flag\n    seccomp\nno-seccomp\nseccomps=<x>\n";
        _cleanup_(uml_kernel_freep) UmlKernel *k = new_kernel(), *with_seccomp = new_kernel();

        ASSERT_OK(kernel_read_help(answer, k));
        assert_false(k->seccomp);

        ASSERT_OK(
                kernel_read_help("mem=<x>\nseccomp=<on/auto/off>\n    Configure.\n", with_seccomp));
        assert_true(with_seccomp->seccomp);
}

/* What is a parameter in a line by itself. */
static void test_help_lines(void **state) {
        static const char *const parameters[] = { "mem=<Amount of desired ram>",
                                                  "debug\n",
                                                  "con[0-9]*=<channel description>",
                                                  "vec[0-9]+:<option>=<value>",
                                                  "ubd<n><flags>=<filename>[(:|,)<filename2>]",
                                                  "fake_ide\n",
                                                  "mconsole=notify:<socket>",
                                                  "virtio_uml.device=<socket>:<virtio_id>",
                                                  "ssl-non-raw\n" },
                                 *const others[] = {
                                         "",
                                         "User Mode Linux v6.1.176\n",
                                         "--showconfig\n",
                                         "    this flag\n",
                                         "\tavailable at http://example.org/\n",
                                         "Usage: something [options] file\n  -h  help\n"
                                 };

        FOREACH_ELEMENT (p, parameters)
                ASSERT_OK(kernel_read_help(*p, &(UmlKernel){}));
        FOREACH_ELEMENT (o, others)
                ASSERT_ERROR(kernel_read_help(*o, &(UmlKernel){}), EBADMSG);
}

static void test_help_long_name(void **state) {
        _cleanup_free_ char *name = malloc(201);

        memset(name, 'x', 200);
        name[200] = '\0';
        ASSERT_ERROR(kernel_read_help(name, &(UmlKernel){}), EBADMSG);
}

static void test_needs_cpu_fix(void **state) {
        enum {
                AMX = 11008,
                AVX512 = 2696,
        };

        static const struct {
                UmlKernel kernel;
                unsigned xstate_size;
                bool needs_fix;
        } cases[] = {
                { { .major = 6, .minor = 1 }, AMX, true },
                { { .major = 6, .minor = 12 }, AMX, true },
                { { .major = 5, .minor = 10 }, AMX, true },
                { { .major = 6, .minor = 1 }, AVX512 + 1, true },
                { { .major = 6, .minor = 1 }, AVX512, false },
                { { .major = 6, .minor = 13 }, AMX, false },
                { { .major = 7, .minor = 2 }, AMX, false },
                { { .major = 7, .minor = 0 }, AMX, false },
                { { .major = 6, .minor = 1 }, 0, false },
                { { .major = 6, .minor = 1, .whole_cpu_state = true }, AMX, false },
        };

        FOREACH_ELEMENT (c, cases)
                assert_int_equal(uml_kernel_needs_cpu_fix(&c->kernel, c->xstate_size),
                                 c->needs_fix);
}

static void test_cpu_xstate_size(void **state) {
        unsigned size = cpu_xstate_size();

#if defined(__x86_64__)
        assert_true(size >= 576 && size <= 65536); /* the legacy area and its header at the least */
#else
        assert_int_equal(size, 0);
#endif
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_version_refused),
                cmocka_unit_test(test_config_debian),
                cmocka_unit_test(test_config_own),
                cmocka_unit_test(test_config_raid6),
                cmocka_unit_test(test_config_refused),
                cmocka_unit_test(test_help),
                cmocka_unit_test(test_help_lines),
                cmocka_unit_test(test_help_long_name),
                cmocka_unit_test(test_needs_cpu_fix),
                cmocka_unit_test(test_cpu_xstate_size),
        };

        return RUN_TESTS(tests);
}
