/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-config-text.c - settings are changed where they are, and nothing else is. */

#include "test.h"

#include "umlctl/config-text.h"

static const char text[] = "# A comment, Memory=1M\n"
                           "[Guest]\n"
                           "  Memory = 64M  \n"
                           "# about the kernel\n"
                           "#Kernel=/usr/bin/linux.uml\n"
                           "\n"
                           "[Network]\n"
                           "; ports\n"
                           "Forward=tcp/80 tcp/443\n"
                           "Memory=9M\n"
                           "Forward=tcp/1\n"
                           "\n"
                           "[Supervise]\n";

static const Setting *find(const char *section, const char *key) {
        const Setting *s = setting_find(section, key);

        assert_non_null(s);
        return s;
}

/* The text with one place changed. */
static char *with(const char *old, const char *new) {
        const char *at = strstr(text, old);

        assert_non_null(at);
        return strfmt("%.*s%s%s", (int) (at - text), text, new, at + strlen(old));
}

static void assert_set(const char *section, const char *key, const char *value,
                       const char *expected) {
        char *values[] = { (char *) value };
        _cleanup_free_ char *out = NULL;

        ASSERT_OK(
                config_text_set(text, find(section, key), &(Strv){ values, value ? 1 : 0 }, &out));
        assert_string_equal(out, expected);
}

static void test_replace(void **state) {
        _cleanup_free_ char *memory = with("64M  \n", "96M\n"),
                            *gone = with("  Memory = 64M  \n", ""),
                            *ports = with("Forward=tcp/80 tcp/443\nMemory=9M\nForward=tcp/1\n",
                                          "Forward=udp/53\nMemory=9M\n");

        assert_set("Guest", "Memory", "96M", memory);
        assert_set("Guest", "Memory", NULL, gone);
        assert_set("Network", "Forward", "udp/53", ports);
}

static void test_insert(void **state) {
        _cleanup_free_ char *noted = with("linux.uml\n", "linux.uml\nKernel=/boot/linux\n"),
                            *last = with("  Memory = 64M  \n", "  Memory = 64M  \nCPUs=2\n"),
                            *first = with("[Supervise]\n", "[Supervise]\nRestart=no\n"),
                            *section = strfmt("%s\n[Fallback]\nAfter=2\n", text);

        assert_set("Guest", "Kernel", "/boot/linux", noted);
        assert_set("Guest", "CPUs", "2", last);
        assert_set("Supervise", "Restart", "no", first);
        assert_set("Fallback", "After", "2", section);
        assert_set("Fallback", "After", NULL, text);
}

static void test_empty(void **state) {
        char *values[] = { (char *) "96M" };
        const Strv one = { values, 1 };
        _cleanup_free_ char *a = NULL, *b = NULL;

        ASSERT_OK(config_text_set("", find("Guest", "Memory"), &one, &a));
        assert_string_equal(a, "[Guest]\nMemory=96M\n");
        ASSERT_OK(config_text_set("[Guest]", find("Guest", "Memory"), &one, &b));
        assert_string_equal(b, "[Guest]\nMemory=96M\n");
}

static void test_several(void **state) {
        char *values[] = { (char *) "a", (char *) "b", (char *) "c" };
        const Strv three = { values, 3 };
        _cleanup_free_ char *out = NULL;

        ASSERT_OK(config_text_set(text, find("Network", "Forward"), &three, &out));
        assert_non_null(strstr(out, "; ports\nForward=a\nMemory=9M\nForward=b\nForward=c\n\n"));
}

/* In a drop-in the empty value of a list stays, and that of a single value is replaced. */
static void test_resets(void **state) {
        static const char dropin[] = "[Network]\nForward=\nForward=tcp/1\nMTU=\n";
        char *values[] = { (char *) "1400" };
        const Strv one = { values, 1 };
        _cleanup_free_ char *a = NULL, *b = NULL;

        ASSERT_OK(config_text_set(dropin, find("Network", "MTU"), &one, &a));
        assert_string_equal(a, "[Network]\nForward=\nForward=tcp/1\nMTU=1400\n");
        ASSERT_OK(config_text_set(dropin, find("Network", "Forward"), &one, &b));
        assert_string_equal(b, "[Network]\nForward=\nForward=1400\nMTU=\n");
        assert_int_equal(config_text_count(dropin, find("Network", "Forward"), false), 1);
        assert_int_equal(config_text_count(dropin, find("Network", "Forward"), true), 2);
}

static void test_add(void **state) {
        _cleanup_free_ char *out = NULL,
                            *expected = with("Forward=tcp/1\n", "Forward=tcp/1\nForward=udp/5\n");

        ASSERT_OK(config_text_add(text, find("Network", "Forward"), "udp/5", &out));
        assert_string_equal(out, expected);
}

static void assert_removed(const char *value, const char *old, const char *new) {
        _cleanup_free_ char *out = NULL, *expected = with(old, new);
        const Setting *s = find("Network", "Forward");

        assert_true(config_text_has(text, s, value));
        ASSERT_OK(config_text_remove(text, s, value, &out));
        assert_string_equal(out, expected);
}

static void test_remove(void **state) {
        assert_removed("tcp/80", "tcp/80 tcp/443", "tcp/443");
        assert_removed("tcp/443", "tcp/80 tcp/443", "tcp/80");
        assert_removed("tcp/1", "Forward=tcp/1\n", "");
        assert_removed("tcp/80 tcp/443", "Forward=tcp/80 tcp/443\n", "");
        assert_false(config_text_has(text, find("Network", "Forward"), "tcp/44"));
        assert_false(config_text_has(text, find("Network", "Forward"), "cp/80"));
        /* Only lists of ports have words. */
        assert_false(config_text_has("[Guest]\nAppend=a b\n", find("Guest", "Append"), "a"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replace), cmocka_unit_test(test_insert),
                cmocka_unit_test(test_empty),   cmocka_unit_test(test_several),
                cmocka_unit_test(test_resets),  cmocka_unit_test(test_add),
                cmocka_unit_test(test_remove),
        };

        return RUN_TESTS(tests);
}
