/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-parse-util.c - strict parsers: what is a value, what is not, and what a refusal leaves
 * alone. */

#include <arpa/inet.h>

#include "test.h"

#include "basic/ip-address.h"
#include "basic/parse-util.h"

static void test_bool(void **state) {
        bool b = false;

        ASSERT_OK(parse_bool("yes", &b));
        assert_true(b);
        ASSERT_OK(parse_bool("off", &b));
        assert_false(b);
        ASSERT_ERROR(parse_bool("Yes", &b), EINVAL);
        ASSERT_ERROR(parse_bool("", &b), EINVAL);
}

static void test_unsigned(void **state) {
        uint64_t v = 7;

        ASSERT_OK(parse_unsigned("0", 0, 9, &v));
        assert_int_equal(v, 0);
        ASSERT_OK(parse_unsigned("18446744073709551615", 0, UINT64_MAX, &v));
        assert_true(v == UINT64_MAX);
        v = 7;
        ASSERT_ERROR(parse_unsigned("18446744073709551616", 0, UINT64_MAX, &v), ERANGE);
        ASSERT_ERROR(parse_unsigned("10", 0, 9, &v), ERANGE);
        ASSERT_ERROR(parse_unsigned("-1", 0, 9, &v), EINVAL);
        ASSERT_ERROR(parse_unsigned(" 1", 0, 9, &v), EINVAL);
        ASSERT_ERROR(parse_unsigned("1x", 0, 9, &v), EINVAL);
        ASSERT_ERROR(parse_unsigned("", 0, 9, &v), EINVAL);
        assert_int_equal(v, 7);
}

static void test_size(void **state) {
        static const struct {
                const char *text;
                uint64_t size;
        } good[] = {
                { "0", 0 },
                { "512", 512 },
                { "64M", UINT64_C(64) << 20 },
                { "1g", UINT64_C(1) << 30 },
                { "2T", UINT64_C(2) << 40 },
        };
        uint64_t v = 7;

        FOREACH_ELEMENT (g, good) {
                ASSERT_OK(parse_size(g->text, &v));
                assert_true(v == g->size);
        }
        v = 7;
        ASSERT_ERROR(parse_size("M", &v), EINVAL);
        ASSERT_ERROR(parse_size("64MB", &v), EINVAL);
        ASSERT_ERROR(parse_size("64 M", &v), EINVAL);
        ASSERT_ERROR(parse_size("-1M", &v), EINVAL);
        ASSERT_ERROR(parse_size("16777216T", &v), ERANGE);
        assert_int_equal(v, 7);
}

static void test_timespan(void **state) {
        static const struct {
                const char *text;
                usec_t span;
        } good[] = {
                { "5", 5 * USEC_PER_SEC },         { "0", 0 },
                { "250ms", 250 * USEC_PER_MSEC },  { "5min", 5 * USEC_PER_MINUTE },
                { "1min 30s", 90 * USEC_PER_SEC }, { "2h", 2 * USEC_PER_HOUR },
        };
        usec_t v = 7;

        FOREACH_ELEMENT (g, good) {
                ASSERT_OK(parse_timespan(g->text, &v));
                assert_true(v == g->span);
        }
        v = 7;
        ASSERT_ERROR(parse_timespan("", &v), EINVAL);
        ASSERT_ERROR(parse_timespan("5 parsecs", &v), EINVAL);
        ASSERT_ERROR(parse_timespan("5m", &v), EINVAL);
        ASSERT_ERROR(parse_timespan("s", &v), EINVAL);
        ASSERT_ERROR(parse_timespan("99999999999999999d", &v), ERANGE);
        assert_int_equal(v, 7);
}

static void test_addresses(void **state) {
        struct in6_addr six;
        struct in_addr a = { 0 };
        unsigned prefix = 99;
        uint16_t port = 9;

        ASSERT_OK(parse_ipv4_prefix("10.0.0.1/24", &a, &prefix));
        assert_int_equal(ntohl(a.s_addr), 0x0a000001);
        assert_int_equal(prefix, 24);
        ASSERT_OK(parse_ipv6_prefix("fd00::1/64", &six, &prefix));
        assert_int_equal(prefix, 64);
        assert_int_equal(six.s6_addr[0], 0xfd);
        ASSERT_ERROR(parse_ipv6_prefix("fd00::1", &six, &prefix), EINVAL);
        ASSERT_ERROR(parse_ipv6_prefix("fd00::1/129", &six, &prefix), ERANGE);
        ASSERT_ERROR(parse_ipv6_prefix("10.0.0.1/24", &six, &prefix), EINVAL);
        ASSERT_ERROR(parse_ipv6_prefix("fd00::g/64", &six, &prefix), EINVAL);
        ASSERT_ERROR(parse_ipv6("fd00::1/64", &six), EINVAL);
        ASSERT_ERROR(parse_ipv4_prefix("10.0.0.1", &a, &prefix), EINVAL);
        ASSERT_ERROR(parse_ipv4_prefix("10.0.0.1/33", &a, &prefix), ERANGE);
        ASSERT_ERROR(parse_ipv4_prefix("10.0.0/8", &a, &prefix), EINVAL);
        ASSERT_ERROR(parse_ipv4("10.0.0.256", &a), EINVAL);
        ASSERT_OK(parse_port("65535", &port));
        assert_int_equal(port, 65535);
        ASSERT_ERROR(parse_port("0", &port), ERANGE);
        ASSERT_ERROR(parse_port("65536", &port), ERANGE);
}

/* One that begins with zeros alone is of the family that its length tells. */
static void test_networks(void **state) {
        static const struct {
                const char *address;
                IpPrefix network;
                bool in;
        } cases[] = {
                { "::ffff:192.0.2.1", { .bits = 64 }, true },
                { "::192.0.2.1", { .bits = 64 }, true },
                { "0:0:0:1::1", { .bits = 64 }, false },
                { "64:ff9b::1", { .bits = 64 }, false },
                { "192.0.2.1", { .bits = 64 }, false },
                { "0.0.0.1", { .bits = 8 }, true },
                { "::1", { .bits = 8 }, false },
                { "10.9.9.9", { { .v4 = { 0x0000000a } }, 8 }, true },
                { "11.9.9.9", { { .v4 = { 0x0000000a } }, 8 }, false },
        };

        FOREACH_ELEMENT (c, cases) {
                IpAddress a;

                ASSERT_OK(ip_address_parse(c->address, &a));
                assert_int_equal(ip_prefix_has(&c->network, &a), c->in);
                assert_false(ip_prefix_is_any(&c->network));
        }
        assert_true(ip_prefix_is_any(&(IpPrefix){}));
}

static void test_names(void **state) {
        assert_true(ifname_valid("tap0"));
        assert_true(ifname_valid("fifteen-bytes-x"));
        assert_false(ifname_valid("sixteen-bytes-xx"));
        assert_false(ifname_valid("a/b"));
        assert_false(ifname_valid("a b"));
        assert_false(ifname_valid(""));
        assert_false(ifname_valid(".."));
        assert_true(guest_name_valid("web"));
        assert_true(guest_name_valid("a-1"));
        assert_false(guest_name_valid("1a"));
        assert_false(guest_name_valid("Web"));
        assert_false(guest_name_valid("sixteen-bytes-xx"));
        assert_false(guest_name_valid("../etc"));
        assert_false(guest_name_valid(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bool),      cmocka_unit_test(test_unsigned),
                cmocka_unit_test(test_size),      cmocka_unit_test(test_timespan),
                cmocka_unit_test(test_addresses), cmocka_unit_test(test_networks),
                cmocka_unit_test(test_names),
        };

        return RUN_TESTS(tests);
}
