/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-forward.c - the grammar of Forward=, its shortest text, and collisions. */

#include "test.h"

#include "basic/forward.h"

enum {
        BOTH = FORWARD_TCP | FORWARD_UDP,
};

#define IPV4_7                                                                                     \
        FORWARD_IPV4, {                                                                            \
                .v4 = { htonl(0xcb007107) }                                                        \
        }
#define IPV6_7                                                                                     \
        FORWARD_IPV6, {                                                                            \
                .v6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 } } }                                 \
        }

static void test_good(void **state) {
        const struct {
                const char *text;
                Forward forward;
                const char *shortest; /* NULL: the text itself */
        } good[] = {
                { "tcp/80", { FORWARD_TCP, 80, 80, 80 }, NULL },
                { "80", { FORWARD_TCP, 80, 80, 80 }, "tcp/80" },
                { "8080:80", { FORWARD_TCP, 8080, 8080, 80 }, "tcp/8080:80" },
                { "8080:80/udp", { FORWARD_UDP, 8080, 8080, 80 }, "udp/8080:80" },
                { "53/tcp+udp", { BOTH, 53, 53, 53 }, "tcp+udp/53" },
                { "8000-8010", { FORWARD_TCP, 8000, 8010, 8000 }, "tcp/8000-8010" },
                { "203.0.113.7:8080:80",
                  { FORWARD_TCP, 8080, 8080, 80, IPV4_7 },
                  "tcp/203.0.113.7:8080:80" },
                { "[2001:db8::7]:53/udp",
                  { FORWARD_UDP, 53, 53, 53, IPV6_7 },
                  "udp/[2001:db8::7]:53" },
                { "80/tcp6", { FORWARD_TCP, 80, 80, 80, FORWARD_IPV6 }, "tcp6/80" },
                { "proto/gre", { FORWARD_OTHER, 47, 47, 47 }, NULL },
                { "proto/47", { FORWARD_OTHER, 47, 47, 47 }, "proto/gre" },
                { "proto/255", { FORWARD_OTHER, 255, 255, 255 }, NULL },
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
                { "tcp4/80", { FORWARD_TCP, 80, 80, 80, FORWARD_IPV4 }, NULL },
                { "tcp6+udp6/53:5353", { BOTH, 53, 53, 5353, FORWARD_IPV6 }, NULL },
                { "tcp4+udp4/1-65535", { BOTH, 1, 65535, 1, FORWARD_IPV4 }, NULL },
                { "tcp/203.0.113.7:80", { FORWARD_TCP, 80, 80, 80, IPV4_7 }, NULL },
                { "tcp/203.0.113.7:80:80",
                  { FORWARD_TCP, 80, 80, 80, IPV4_7 },
                  "tcp/203.0.113.7:80" },
                { "tcp4/203.0.113.7:80-81:90-91",
                  { FORWARD_TCP, 80, 81, 90, IPV4_7 },
                  "tcp/203.0.113.7:80-81:90-91" },
                { "tcp+udp/[2001:db8::7]:53", { BOTH, 53, 53, 53, IPV6_7 }, NULL },
                { "udp6/[2001:0DB8:0::7]:53:54",
                  { FORWARD_UDP, 53, 53, 54, IPV6_7 },
                  "udp/[2001:db8::7]:53:54" },
        };

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
                assert_int_equal(f.family, g->forward.family);
                assert_true(ip_address_equal(&f.address, &g->forward.address));
                assert_string_equal(forward_format(&f, text), g->shortest ?: g->text);
                ASSERT_OK(forward_parse(text, &again, &why));
                assert_string_equal(forward_format(&again, text), g->shortest ?: g->text);
        }
}

static void test_bad(void **state) {
        static const char form[] =
                "use PROTO/PORT, PROTO/PORT-PORT or PROTO/PORT:PORT, for example tcp/8080:80",
                          protocol[] = "the protocol must be tcp, udp or tcp+udp, or for one "
                                       "address family tcp4, udp4, tcp6 or udp6",
                          address[] = "the address must be a unicast address of the host, for "
                                      "example tcp/203.0.113.7:80 or tcp/[2001:db8::7]:80",
                          family[] =
                                  "the protocol and the address are of different address families",
                          port[] = "ports must be from 1 to 65535",
                          number[] = "use the protocol's number or name, for example proto/47 or "
                                     "proto/gre",
                          order[] = "the first port of a range must be its lowest",
                          length[] = "host and guest ranges must have the same number of ports";
        static const struct {
                const char *text;
                int error;
                const char *why;
        } bad[] = {
                { "", EINVAL, form },
                { "tcp", EINVAL, form },
                { "80/", EINVAL, protocol },
                { "80/sctp", EINVAL, protocol },
                { "80/tcp/", EINVAL, form },
                { "80/tcp/udp", EINVAL, form },
                { "8080:80x/tcp", EINVAL, form },
                { "http", EINVAL, form },
                { "0", ERANGE, port },
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
                { "proto/256", EINVAL, number },
                { "proto/0", EINVAL, number },
                { "proto/gr", EINVAL, number },
                { "proto/", EINVAL, number },
                { "proto/6", EINVAL, "TCP and UDP are forwarded by port, for example tcp/80" },
                { "proto/1", EINVAL, "ICMP is for the host itself" },
                { "proto/58", EINVAL, "ICMP is for the host itself" },
                { "tcp5/80", EINVAL, protocol },
                { "tcp4+udp6/80", EINVAL, protocol },
                { "tcp/203.0.113.7", EINVAL, address },
                { "tcp/203.0.113:80", EINVAL, address },
                { "tcp/203.0.113.7.8:80", EINVAL, address },
                { "tcp/0.0.0.0:80", EINVAL, address },
                { "tcp/127.0.0.1:80", EINVAL, address },
                { "tcp/224.0.0.1:80", EINVAL, address },
                { "tcp/[203.0.113.7]:80", EINVAL, address },
                { "tcp/[2001:db8::7]", EINVAL, address },
                { "tcp/[2001:db8::7]80", EINVAL, address },
                { "tcp/[2001:db8::7:80", EINVAL, address },
                { "tcp/[::1]:80", EINVAL, address },
                { "tcp/[::]:80", EINVAL, address },
                { "tcp/[fe80::1]:80", EINVAL, address },
                { "tcp/[ff02::1]:80", EINVAL, address },
                { "tcp/[::ffff:203.0.113.7]:80", EINVAL, address },
                { "tcp/[::1:2]:80", EINVAL, address },
                { "tcp/[0123:0123:0123:0123:0123:0123:0123:0123:0123:0123]:80", EINVAL, address },
                { "tcp/2001:db8::7:80", EINVAL, form },
                { "tcp6/203.0.113.7:80", EINVAL, family },
                { "tcp4+udp4/[2001:db8::7]:80", EINVAL, family },
                { "tcp/203.0.113.7:", EINVAL, form },
                { "tcp/203.0.113.7:80:81:82", EINVAL, form },
                { "tcp/203.0.113.7:0", ERANGE, port },
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
                { "tcp/80", "tcp/80:8080", true },
                { "tcp/80", "udp/80", false },
                { "proto/gre", "proto/47", true },
                { "proto/gre", "proto/esp", false },
                { "proto/gre", "tcp+udp/47", false },
                { "proto/gre", "all", false },
                { "tcp/80", "tcp+udp/80", true },
                { "udp/80", "tcp+udp/80", true },
                { "tcp/80", "tcp/81", false },
                { "tcp/80-90", "tcp/90-100", true },
                { "tcp/80-90", "tcp/91-100", false },
                { "tcp/1-65535", "tcp/22:2222", true },
                { "tcp4/80", "tcp6/80", false },
                { "tcp4/80", "tcp/80", true },
                { "all", "udp6/53", true },
                { "tcp/203.0.113.7:80", "tcp/203.0.113.8:80", false },
                { "tcp/203.0.113.7:80", "tcp/203.0.113.7:70-90", true },
                { "tcp/203.0.113.7:80", "tcp/80:8080", true },
                { "tcp/203.0.113.7:80", "tcp6/80", false },
                { "tcp/203.0.113.7:80", "tcp/[2001:db8::7]:80", false },
                { "tcp/8080:80", "tcp/80", false }, /* the guest's port may be reached in two ways
                                                     */
        };

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
        static const char form[] = "use PROTO/PORT or PROTO/PORT-PORT, for example tcp/8000-8010";
        const char *why = NULL;
        Forward f;

        ASSERT_OK(ports_parse("tcp+udp/20-30", &f, &why));
        assert_int_equal(f.protocols, BOTH);
        assert_int_equal(f.host_first, 20);
        assert_int_equal(f.host_last, 30);
        assert_int_equal(f.guest_first, 20);
        ASSERT_ERROR(ports_parse("tcp/80:80", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("53", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("all", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("proto/gre", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("tcp6/22", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("tcp/203.0.113.7:22", &f, &why), EINVAL);
        assert_string_equal(why, form);
        ASSERT_ERROR(ports_parse("tcp/0", &f, &why), ERANGE);
        assert_string_equal(why, "ports must be from 1 to 65535");
}

static void test_is_all(void **state) {
        const Forward all = { BOTH, 1, 65535, 1 }, tcp = { FORWARD_TCP, 1, 65535, 1 },
                      most = { BOTH, 1, 65534, 1 }, but_one = { BOTH, 2, 65535, 2 },
                      ipv4 = { BOTH, 1, 65535, 1, FORWARD_IPV4 },
                      one = { BOTH, 1, 65535, 1, FORWARD_IPV4, { .v4 = { 1 } } };

        assert_true(forward_is_all(&all));
        assert_false(forward_is_all(&tcp));
        assert_false(forward_is_all(&most));
        assert_false(forward_is_all(&but_one));
        assert_false(forward_is_all(&ipv4));
        assert_false(forward_is_all(&one));
}

static void test_common_port(void **state) {
        const Forward except[] = {
                { FORWARD_TCP, 80, 84, 80 },
                { FORWARD_TCP, 85, 85, 85 },
                { FORWARD_UDP, 1, 65535, 1 },
                { FORWARD_TCP, 1, 100, 1, FORWARD_IPV4 },
                { FORWARD_TCP, 101, 200, 1, FORWARD_IPV4, { .v4 = { htonl(0xcb007107) } } },
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
                { "tcp/90", "tcp6/80-90", 0, "tcp6/90" },
                { "tcp/90", "tcp4/80-90", 5, NULL },
                { "tcp/90", "tcp/80-90", 5, "tcp/90" },
                { "tcp/203.0.113.7:90-150", "all", 0, "tcp/203.0.113.7:90" },
                { "tcp/203.0.113.7:90-150", "all", 4, "tcp/203.0.113.7:101" },
                { "tcp/203.0.113.7:90-150", "tcp4/90-150", 5, NULL },
                { "tcp/203.0.113.8:90-150", "all", 5, "tcp/203.0.113.8:101" },
                { "tcp/203.0.113.8:90", "tcp/203.0.113.7:90", 0, NULL },
        };

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

/* Written as iptables(8) writes a range. */
static void test_doubtful(void **state) {
        static const struct {
                const char *text;
                bool doubtful;
        } cases[] = {
                { "tcp/9000:19000", true },
                { "udp/80:8080", true },
                { "tcp/203.0.113.7:80:81", true },
                { "tcp/8080:80", false },
                { "tcp/80", false },
                { "tcp/80:80", false },
                { "tcp/9000-9000:19000-19000", false },
                { "tcp/9000-9001:19000-19001", false },
                { "all", false },
        };

        FOREACH_ELEMENT (c, cases) {
                const char *why;
                Forward f;

                ASSERT_OK(forward_parse(c->text, &f, &why));
                if (forward_is_doubtful(&f) != c->doubtful)
                        fail_msg("%s", c->text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),     cmocka_unit_test(test_bad),
                cmocka_unit_test(test_overlaps), cmocka_unit_test(test_ports),
                cmocka_unit_test(test_is_all),   cmocka_unit_test(test_common_port),
                cmocka_unit_test(test_doubtful),
        };

        return RUN_TESTS(tests);
}
