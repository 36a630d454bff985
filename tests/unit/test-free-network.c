/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests daemon/net/free-network.c, and the claims of daemon/net/addresses.c. */

#include <arpa/inet.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/net/addresses.h"
#include "daemon/net/free-network.h"
#include "test.h"

static void take(FreeNetworks *f, const char *text) {
        struct in_addr a;
        unsigned prefix;

        assert_int_equal(parse_ipv4_prefix(text, &a, &prefix), 0);
        free_networks_take(f, ntohl(a.s_addr), prefix);
}

/* Each line: what is taken besides all above, and the first that is free then. */
static void test_first(void **state) {
        static const struct {
                const char *take, *first;
        } cases[] = {
                { "127.0.0.0/8", "10.0.0.0" },           { "9.255.255.255/32", "10.0.0.0" },
                { "10.0.0.55/32", "10.0.1.0" },          { "10.0.1.77/25", "10.0.2.0" },
                { "10.0.4.0/23", "10.0.2.0" },           { "10.0.2.0/23", "10.0.6.0" },
                { "10.0.9.9/16", "10.1.0.0" },           { "8.0.0.0/6", "172.16.0.0" },
                { "172.17.0.0/16", "172.16.0.0" },       { "172.16.0.0/16", "172.18.0.0" },
                { "172.16.0.0/12", "192.168.0.0" },      { "192.168.0.0/17", "192.168.128.0" },
                { "192.168.128.0/18", "192.168.192.0" }, { "192.168.192.0/18", NULL },
        };
        FreeNetworks f = {};
        uint32_t first;

        FOREACH_ELEMENT (c, cases) {
                struct in_addr a;
                int r;

                take(&f, c->take);
                r = free_networks_first(&f, &first);
                assert_int_equal(r, c->first ? 0 : -ENOSPC);
                a.s_addr = htonl(first);
                if (c->first)
                        assert_string_equal(inet_ntoa(a), c->first);
        }
}

static void test_everything(void **state) {
        FreeNetworks f = {};
        uint32_t first;

        free_networks_take(&f, 0, 0);
        assert_int_equal(free_networks_first(&f, &first), -ENOSPC);
}

static void test_overlap(void **state) {
        assert_true(networks_overlap(0x0a000001, 24, 0x0a000080, 25));
        assert_true(networks_overlap(0x0a000080, 32, 0x0a000001, 24));
        assert_false(networks_overlap(0x0a000001, 25, 0x0a000080, 25));
        assert_true(networks_overlap(0x0a000001, 24, 0xc0a80000, 0));
}

static void test_claims(void **state) {
        static const char *const bad[] = { "",
                                           "10.0.0.1/24",
                                           "10.0.0.1/24 ",
                                           "10.0.0.1 tap0",
                                           "10.0.0.1/31 tap0",
                                           "10.0.0.1/7 tap0",
                                           "10.0.0.1/24 tap0 x",
                                           "10.0.0.1/24 sixteen-letters-",
                                           "10.0.0.1/24 a/b",
                                           "10.0.0.256/24 tap0" };
        char text[NETWORK_CLAIM_TEXT_MAX];
        NetworkClaim c;

        assert_int_equal(network_claim_parse("10.0.0.1/24 tap0\n", &c), 0);
        assert_string_equal(c.tap, "tap0");
        network_claim_format(&c, text);
        assert_string_equal(text, "10.0.0.1/24 tap0");
        /* Of what the configuration names nothing is kept. */
        assert_int_equal(network_claim_parse("- tap3\n", &c), 0);
        assert_int_equal(c.prefix, 0);
        assert_string_equal(c.tap, "tap3");
        network_claim_format(&c, text);
        assert_string_equal(text, "- tap3");
        assert_int_equal(network_claim_parse("10.0.7.1/24 -\n", &c), 0);
        assert_string_equal(c.tap, "");
        network_claim_format(&c, text);
        assert_string_equal(text, "10.0.7.1/24 -");
        FOREACH_ELEMENT (b, bad)
                assert_int_equal(network_claim_parse(*b, &c), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first),
                cmocka_unit_test(test_everything),
                cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_claims),
        };

        return RUN_TESTS(tests);
}
