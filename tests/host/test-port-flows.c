/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-port-flows.c - which tracked connections prove that a port serves strangers. */

#include <sys/socket.h>

#include "private-net.h"

#include "nat/port-flows.h"

#define HOST      "203.0.113.10"
#define GUEST     "10.0.0.2"
#define STRANGER  "198.51.100.7"
#define CONTAINER "172.17.0.2"
#define HANDSHAKE "--state ESTABLISHED -u ASSURED,SEEN_REPLY"

static int setup(void **state) {
        private_net_renew();
        return 0;
}

/* Whoever `from` is calls port 8080, and is answered by `by`, port 80. */
static void track(const char *from, const char *by, const char *protocol, const char *state) {
        shell("conntrack -I -p %s -s %s -d " HOST " --sport 4000 --dport 8080 -r %s -q %s "
              "--reply-port-src 80 --reply-port-dst 4000 -t 100 %s 2>/dev/null",
              protocol, from, by, from, state);
}

static bool is_stranger(const IpAddress *client, void *userdata) {
        IpAddress stranger;

        ++*(unsigned *) userdata;
        ASSERT_OK(ip_address_parse(STRANGER, &stranger));
        return ip_address_equal(client, &stranger);
}

static PortFlows find(uint8_t protocol, uint16_t port, bool relayed) {
        IpAddress own, guest;
        unsigned asked = 0;
        PortSearch s = { .family = NAT_IPV4,
                         .protocol = protocol,
                         .port = port,
                         .own = &own,
                         .n_own = 1,
                         .guest = relayed ? NULL : &guest,
                         .is_stranger = is_stranger,
                         .userdata = &asked };
        PortFlows found = {};

        ASSERT_OK(ip_address_parse(HOST, &own));
        ASSERT_OK(ip_address_parse(GUEST, &guest));
        ASSERT_OK(port_flows_find(&s, &found));
        assert_true(found.served.n <= asked);
        return found;
}

static void test_tcp(void **state) {
        static const struct {
                const char *from, *by, *state;
                bool served;
        } cases[] = {
                { STRANGER, GUEST, HANDSHAKE, true },
                { STRANGER, GUEST, "--state TIME_WAIT -u ASSURED,SEEN_REPLY", true },
                { STRANGER, GUEST, "--state SYN_SENT", false },
                { STRANGER, GUEST, "--state SYN_RECV -u SEEN_REPLY", false }, /* lost on the way */
                { STRANGER, GUEST, "--state CLOSE -u SEEN_REPLY", false },    /* refused */
                { CONTAINER, GUEST, HANDSHAKE, false },
                { HOST, GUEST, HANDSHAKE, false },
        };

        FOREACH_ELEMENT (c, cases) {
                setup(state);
                track(c->from, c->by, "tcp", c->state);
                assert_int_equal(find(IPPROTO_TCP, 8080, false).served.n, c->served);
                assert_int_equal(find(IPPROTO_TCP, 8080, false).stale.n, 0);
                assert_int_equal(find(IPPROTO_TCP, 8081, false).served.n, 0);
                assert_int_equal(find(IPPROTO_UDP, 8080, false).served.n, 0);
        }
}

static void test_udp(void **state) {
        IpAddress stranger;
        PortFlows found;

        ASSERT_OK(ip_address_parse(STRANGER, &stranger));
        track(STRANGER, GUEST, "udp", "");
        assert_int_equal(find(IPPROTO_UDP, 8080, false).served.n, 0);
        setup(NULL);
        track(CONTAINER, GUEST, "udp", "-u SEEN_REPLY");
        track(STRANGER, GUEST, "udp", "-u SEEN_REPLY");
        found = find(IPPROTO_UDP, 8080, false);
        assert_int_equal(found.served.n, 1);
        assert_true(ip_address_equal(&found.served.client, &stranger));
}

/* What leads elsewhere serves nobody, and keeps the guest from who it is. */
static void test_elsewhere(void **state) {
        PortFlows found;

        track(STRANGER, HOST, "udp", "-u SEEN_REPLY");
        found = find(IPPROTO_UDP, 8080, false);
        assert_int_equal(found.served.n, 0);
        assert_int_equal(found.stale.n, 1);
        found = find(IPPROTO_UDP, 8080, true);
        assert_int_equal(found.served.n, 1);
        assert_int_equal(found.stale.n, 0);
        setup(NULL);
        track(STRANGER, GUEST, "tcp", HANDSHAKE);
        assert_int_equal(find(IPPROTO_TCP, 8080, true).served.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test_setup(test_tcp, setup),
                                            cmocka_unit_test_setup(test_udp, setup),
                                            cmocka_unit_test_setup(test_elsewhere, setup) };

        private_net_enter();
        return RUN_TESTS(tests);
}
