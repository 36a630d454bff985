/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-config-parts.c - drop-ins: which files count, which value wins, and where an error is. */

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "basic/file-util.h"
#include "conf/config.h"
#include "conf/entries.h"
#include "conf/parts.h"

#define MAIN "/c/web.conf"
#define A    "\f/c/web.conf.d/a.conf\n"
#define B    "\f/c/web.conf.d/b.conf\n"

static Config *parse(const char *text) {
        _cleanup_free_ char *error = NULL;
        Config *c = NULL;

        if (config_parse("web", MAIN, text, strlen(text), "/d/root.img", &c, &error) < 0)
                fail_msg("%s", error ?: "no message");
        return c;
}

static void test_values(void **state) {
        _cleanup_(config_freep) Config *c =
                parse("[Guest]\nMemory=64M\nAppend=one\nDisk=/x\n[Network]\nForward=tcp/80\n" A
                      "[Guest]\nMemory=96M\nAppend=two\n[Network]\nForward=tcp/81\n" B
                      "[Guest]\nMemory=128M\nCPUs=2\n");

        assert_int_equal(c->memory, 128 << 20);
        assert_int_equal(c->cpus, 2);
        assert_int_equal(c->append.n, 2);
        assert_string_equal(c->append.v[1], "two");
        assert_int_equal(c->n_forwards, 2);
        assert_int_equal(c->n_disks, 1);
}

/* An empty value in a drop-in takes back what the files before it say. */
static void test_reset(void **state) {
        _cleanup_(config_freep) Config *c =
                parse("[Guest]\nMemory=96M\nDisk=/x\nDisk=/y\nAppend=one\nHostname=h\n"
                      "[Network]\nForward=tcp/80 tcp/82\nProxy=tcp/90\nDNS=1.1.1.1\n"
                      "SNATAddress=203.0.113.7\n[Supervise]\nProbe=tcp/1\n" A
                      "[Guest]\nMemory=\nDisk=\nDisk=/z\nAppend=\nHostname=\n[Network]\nForward=\n"
                      "Forward=tcp/80\nProxy=\nDNS=\nSNATAddress=\n[Supervise]\nProbe=\n");

        assert_int_equal(c->memory, 64 << 20);
        assert_int_equal(c->n_disks, 1);
        assert_string_equal(c->disks[0].path, "/z");
        assert_int_equal(c->append.n, 0);
        assert_string_equal(c->hostname, "web");
        assert_int_equal(c->n_forwards, 1);
        assert_int_equal(c->n_proxies, 0);
        assert_int_equal(c->n_dns, 2);
        assert_true(ip_address_is_any(&c->snat_addresses[0]));
        assert_int_equal(c->n_probes, 0);
}

static void test_errors(void **state) {
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "[Guest]\n" A "[Guest]\n\nMemry=1\n",
                  "/c/web.conf.d/a.conf:3: Memry: unknown key; did you mean Memory=?" },
                { "[Guest]\nMemory=64M"
                  "\n" A "Memory=1\n",
                  "/c/web.conf.d/a.conf:1: Memory: not in a section; put it below [Guest]" },
                { "[Guest]\n" A "[Guest]\n" B "[Guest]\nCPUs=1\nCPUs=1\n",
                  "/c/web.conf.d/b.conf:3: CPUs: already set on line 2; keep one of the two" },
                { "[Guest]\nMemory=\n" A "[Guest]\n", "/c/web.conf:2: Memory: missing value; add "
                                                      "one, or remove the key for the default "
                                                      "64M" },
                { "[Network]\nForward=tcp/80\n" A "[Network]\nForward=tcp/80\n",
                  "/c/web.conf.d/a.conf:2: Forward: tcp/80 overlaps tcp/80 on line 2 of "
                  "/c/web.conf; a port can be used only once" },
                { "[Guest]\n" A "[Network]\nForward=tcp/80\n" B
                  "[Network]\nForward=tcp/81\nForward=tcp/80\n",
                  "/c/web.conf.d/b.conf:3: Forward: tcp/80 overlaps tcp/80 on line 2 of "
                  "/c/web.conf.d/a.conf; a port can be used only once" },
                { "[Guest]\nDisk=/x\n" A "[Guest]\nDisk=/x\n",
                  "/c/web.conf.d/a.conf:2: Disk: /x is already used on line 2 of /c/web.conf; each "
                  "disk needs a file of its own" },
                { "[Guest]\nKernel=/a\fb\n",
                  "/c/web.conf:2: contains control character 0x0c; remove it" },
                { "[Guest]\n"
                  "\f/c/\033[2J\n"
                  "oops\n",
                  "/c/\\x1b[2J:1: \"oops\": neither [Section] nor Key=value" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *error = NULL;
                Config *c = NULL;

                ASSERT_ERROR(config_parse("web", MAIN, cases[i].text, strlen(cases[i].text),
                                          "/d/root.img", &c, &error),
                             EINVAL);
                assert_string_equal(error, cases[i].error);
        }
}

/* ---- files ---- */

static char *top;

static void put(const char *name, const char *text) {
        _cleanup_free_ char *path = strfmt("%s/%s", top, name);

        ASSERT_OK(write_file_atomic(path, text, strlen(text), 0600));
}

static char *load(Config **ret) {
        _cleanup_free_ char *file = strfmt("%s/web.conf", top);
        char *error = NULL;

        if (config_load("web", file, "/d/root.img", ret, &error) >= 0)
                assert_null(error);
        return error;
}

static void assert_load(uint64_t memory, const char *problem) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = load(&c),
                            *expected = problem ? strfmt("%s/web.conf%s", top, problem) : NULL;

        if (problem)
                assert_string_equal(error ?: "", expected);
        else if (error)
                fail_msg("%s", error);
        else
                assert_int_equal(c->memory, memory);
}

static void test_files(void **state) {
        _cleanup_free_ char *dir = strfmt("%s/web.conf.d", top),
                            *dangling = strfmt("%s/web.conf.d/98.conf", top),
                            *folder = strfmt("%s/web.conf.d/99.conf", top),
                            *odd = strfmt("%s/web.conf.d/a b.conf", top);

        put("web.conf", "[Guest]\nMemory=65M"); /* with no newline at its end */
        assert_load(65 << 20, NULL);
        ASSERT_OK(mkdir(dir, 0755));
        assert_load(65 << 20, NULL);
        put("web.conf.d/20.conf", "[Guest]\nMemory=67M\n");
        put("web.conf.d/10.conf", "[Guest]\nMemory=66M\n");
        put("web.conf.d/30.conf~", "[Guest]\nMemory=68M\n");
        put("web.conf.d/.40.conf", "[Guest]\nMemory=68M\n");
        put("web.conf.d/50.conf.dpkg-old", "[Guest]\nMemory=68M\n");
        assert_load(67 << 20, NULL);
        put("web.conf.d/30.conf", "");
        assert_load(67 << 20, NULL);
        put("web.conf.d/30.conf", "\n[Guest]\nMemory=1M\n");
        assert_load(0, ".d/30.conf:3: Memory: \"1M\": too small; at least 32M");
        put("web.conf.d/30.conf", "\n\f/c/web.conf.d/a.conf\n");
        assert_load(0, ".d/30.conf:2: contains control character 0x0c; remove it");
        put("web.conf.d/30.conf", "");
        put("web.conf.d/a b.conf", "");
        assert_load(0, ".d: \"a b.conf\": use only letters, digits and -_.+@:~ in the name of a "
                       "drop-in; rename it");
        ASSERT_OK(unlink_quiet(odd));
        ASSERT_OK(mkdir(folder, 0755));
        assert_load(0, ".d/99.conf: is a directory, not a file");
        ASSERT_OK(rmdir(folder));
        ASSERT_OK(symlink("/nowhere", dangling));
        assert_load(0, ".d/98.conf: cannot be read: No such file or directory");
        ASSERT_OK(unlink(dangling));
        assert_load(67 << 20, NULL);
}

static void test_too_large(void **state) {
        _cleanup_free_ char *text = malloc(700 * 1024 + 1);

        assert_non_null(text);
        memset(text, '\n', 700 * 1024);
        text[700 * 1024] = '\0';
        put("web.conf", text);
        put("web.conf.d/10.conf", text);
        assert_load(0, ".d/10.conf: is more than 1 MiB together with the files before it, so it is "
                       "not a configuration file");
        put("web.conf.d/10.conf", "");
        put("web.conf", "");
}

static void test_explain(void **state) {
        _cleanup_(config_freep) Config *c =
                parse("[Guest]\nMemory=64M\nAppend=one\n" A "[Guest]\nMemory=96M\nAppend=two\n");
        ConfigEntries e = {};
        unsigned defaults = 0;

        ASSERT_OK(config_explain(c, "/d/root.img", &e));
        assert_string_equal(e.v[0].value, "one");
        assert_string_equal(e.v[1].value, "96M");
        assert_int_equal(e.v[1].line, 6);
        assert_string_equal(e.v[2].value, "two");
        for (size_t i = 0; i < e.n; i++) {
                defaults += e.v[i].line == 0;
                if (streq(e.v[i].setting->key, "Disk"))
                        assert_string_equal(e.v[i].value, "/d/root.img");
        }
        assert_true(defaults > 20);
        config_entries_done(&e);
}

static int set_up(void **state) {
        static char directory[] = "/tmp/test-config-parts-XXXXXX";

        top = mkdtemp(directory);
        return top ? 0 : -1;
}

static int tear_down(void **state) {
        return rm_rf(top);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),    cmocka_unit_test(test_reset),
                cmocka_unit_test(test_errors),    cmocka_unit_test(test_files),
                cmocka_unit_test(test_too_large), cmocka_unit_test(test_explain),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
