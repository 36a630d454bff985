/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-forward.c - the grammar of Forward=, its shortest text, and collisions. */

#include "test.h"

#include "basic/forward.h"

enum {
        BOTH = FORWARD_TCP | FORWARD_UDP,
};

static void test_good(void **state) {
        static const struct {
                const char *text;
                Forward forward;
                const char *shortest; /* NULL: the text itself */
        } good[] = {
                { "tcp/80", { FORWARD_TCP, 80, 80, 80 }, NULL },
                { "udp/53", { FORWARD_UDP, 53, 53, 53 }, NULL },
                { "tcp+udp/53", { BOTH, 53, 53, 53 }, NULL },
                { "tcp/8000-10000", { FORWARD_TCP, 8000, 10000, 8000 }, NULL },
                { "tcp/8080:80", { FORWARD_TCP, 8080, 8080, 80 }, NULL },
                { "tcp/2200-2210:22-32", { FORWARD_TCP, 2200, 2210, 22 }, NULL },
                { "tcp/1", { FORWARD_TCP, 1, 1, 1 }, NULL },
                { "udp/1-65535", { FORWARD_UDP, 1, 65535, 1 }, NULL },
                { "tcp+udp/10000-20000:30000-40000", { BOTH, 10000, 20000, 30000 }, NULL },
                { "tcp/80-80", { FORWARD_TCP, 80, 80, 80 }, "tcp/80" },
                { "tcp/80:80", { FORWARD_TCP, 80, 80, 80 }, "tcp/80" },
                { "tcp/80:81-81", { FORWARD_TCP, 80, 80, 81 }, "tcp/80:81" },
                { "tcp/80-90:80-90", { FORWARD_TCP, 80, 90, 80 }, "tcp/80-90" },
                { "all", { BOTH, 1, 65535, 1 }, NULL },
                { "tcp+udp/1-65535", { BOTH, 1, 65535, 1 }, "all" },
                { "tcp/0080", { FORWARD_TCP, 80, 80, 80 }, "tcp/80" },
        };

        (void) state;
        FOREACH_ELEMENT (g, good) {
                char text[FORWARD_TEXT_MAX];
                const char *why = NULL;
                Forward f, again;

                ASSERT_OK(forward_parse(g->text, &f, &why));
                assert_null(why);
                assert_int_equal(f.protocols, g->forward.protocols);
                assert_int_equal(f.host_first, g->forward.host_first);
                assert_int_equal(f.host_last, g->forward.host_last);
                assert_int_equal(f.guest_first, g->forward.guest_first);
                assert_string_equal(forward_format(&f, text), g->shortest ?: g->text);
                ASSERT_OK(forward_parse(text, &again, &why));
                assert_string_equal(forward_format(&again, text), g->shortest ?: g->text);
        }
}

static void test_bad(void **state) {
        static const char form[] =
                "write PROTO/PORT, PROTO/PORT-PORT or PROTO/PORT:PORT, such as tcp/8080:80",
                          protocol[] = "the protocol is tcp, udp or tcp+udp",
                          port[] = "ports go from 1 to 65535",
                          order[] = "the first port of a range is its lowest",
                          length[] = "both ranges have as many ports";
        static const struct {
                const char *text;
                int error;
                const char *why;
        } bad[] = {
                { "", EINVAL, form },
                { "80", EINVAL, form },
                { "tcp", EINVAL, form },
                { "tcp/", EINVAL, form },
                { "tcp80", EINVAL, form },
                { "/80", EINVAL, protocol },
                { "TCP/80", EINVAL, protocol },
                { "sctp/80", EINVAL, protocol },
                { "udp+tcp/80", EINVAL, protocol },
                { "tcp/http", EINVAL, form },
                { "tcp/-80", EINVAL, form },
                { "tcp/80-", EINVAL, form },
                { "tcp/80:", EINVAL, form },
                { "tcp/80:-90", EINVAL, form },
                { "all:80", EINVAL, form },
                { "All", EINVAL, form },
                { "tcp/all", EINVAL, form },
                { "tcp/80 ", EINVAL, form },
                { " tcp/80", EINVAL, protocol },
                { "tcp/80:90:100", EINVAL, form },
                { "tcp/80,tcp/81", EINVAL, form },
                { "tcp/80-90-100", EINVAL, form },
                { "tcp/+80", EINVAL, form },
                { "tcp/0", ERANGE, port },
                { "tcp/65536", ERANGE, port },
                { "tcp/1-65536", ERANGE, port },
                { "tcp/80:0", ERANGE, port },
                { "tcp/4294967376", ERANGE, port },
                { "tcp/99999999999999999999999", ERANGE, port },
                { "tcp/90-80", EINVAL, order },
                { "tcp/80:90-85", EINVAL, order },
                { "tcp/80-90:80", EINVAL, length },
                { "tcp/80-90:180-191", EINVAL, length },
                { "tcp/80:180-181", EINVAL, length },
        };

        (void) state;
        FOREACH_ELEMENT (b, bad) {
                Forward f, before;
                const char *why = NULL;

                memset(&f, 0xa5, sizeof(f));
                memcpy(&before, &f, sizeof(f));
                ASSERT_ERROR(forward_parse(b->text, &f, &why), b->error);
                assert_non_null(why);
                assert_string_equal(why, b->why);
                assert_memory_equal(&f, &before, sizeof(f));
        }
}

static void test_overlaps(void **state) {
        static const struct {
                const char *a, *b;
                bool overlap;
        } pairs[] = {
                { "tcp/80", "tcp/80:8080", true },    { "tcp/80", "udp/80", false },
                { "tcp/80", "tcp+udp/80", true },     { "udp/80", "tcp+udp/80", true },
                { "tcp/80", "tcp/81", false },        { "tcp/80-90", "tcp/90-100", true },
                { "tcp/80-90", "tcp/91-100", false }, { "tcp/1-65535", "tcp/22:2222", true },
                { "tcp/8080:80", "tcp/80", false }, /* the guest's port may be reached in two ways
                                                     */
        };

        (void) state;
        FOREACH_ELEMENT (p, pairs) {
                const char *why;
                Forward a, b;

                ASSERT_OK(forward_parse(p->a, &a, &why));
                ASSERT_OK(forward_parse(p->b, &b, &why));
                assert_int_equal(forward_overlaps(&a, &b), p->overlap);
                assert_int_equal(forward_overlaps(&b, &a), p->overlap);
        }
}

static void test_ports(void **state) {
        static const char form[] = "write PROTO/PORT or PROTO/PORT-PORT, such as tcp/8000-8010";
        const char *why = NULL;
        Forward f;

        (void) state;
        ASSERT_OK(ports_parse("tcp+udp/20-30", &f, &why));
        assert_int_equal(f.protocols, BOTH);
        assert_int_equal(f.host_first, 20);
        assert_int_equal(f.host_last, 30);
        assert_int_equal(f.guest_first, 20);
        ASSERT_ERROR(ports_parse("tcp/80:80", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("all", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("tcp/0", &f, &why), ERANGE);
        assert_string_equal(why, "ports go from 1 to 65535");
}

static void test_is_all(void **state) {
        const Forward all = { BOTH, 1, 65535, 1 }, tcp = { FORWARD_TCP, 1, 65535, 1 },
                      most = { BOTH, 1, 65534, 1 }, but_one = { BOTH, 2, 65535, 2 };

        (void) state;
        assert_true(forward_is_all(&all));
        assert_false(forward_is_all(&tcp));
        assert_false(forward_is_all(&most));
        assert_false(forward_is_all(&but_one));
}

static void test_common_port(void **state) {
        static const Forward except[] = {
                { FORWARD_TCP, 80, 84, 80 },
                { FORWARD_TCP, 85, 85, 85 },
                { FORWARD_UDP, 1, 65535, 1 },
        };
        static const struct {
                const char *a, *b;
                size_t n_except;
                const char *port; /* NULL = none */
        } pairs[] = {
                { "tcp/80", "tcp/80:90", 0, "tcp/80" },
                { "tcp/80", "udp/80", 0, NULL },
                { "tcp/70-90", "tcp/80-100", 0, "tcp/80" },
                { "tcp/70-90", "tcp/80-100", 2, "tcp/86" },
                { "tcp/80-85", "all", 2, NULL },
                { "all", "all", 0, "tcp/1" },
                { "udp/53", "all", 0, "udp/53" },
                { "udp/53", "all", 3, NULL },
                { "tcp/65535", "tcp/65535", 0, "tcp/65535" },
        };

        (void) state;
        FOREACH_ELEMENT (p, pairs) {
                char text[FORWARD_TEXT_MAX];
                const char *why;
                Forward a, b, common;

                ASSERT_OK(forward_parse(p->a, &a, &why));
                ASSERT_OK(forward_parse(p->b, &b, &why));
                assert_int_equal(forward_common_port(&a, &b, except, p->n_except, &common),
                                 p->port != NULL);
                if (p->port)
                        assert_string_equal(forward_format(&common, text), p->port);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),     cmocka_unit_test(test_bad),
                cmocka_unit_test(test_overlaps), cmocka_unit_test(test_ports),
                cmocka_unit_test(test_is_all),   cmocka_unit_test(test_common_port),
        };

        return RUN_TESTS(tests);
}
