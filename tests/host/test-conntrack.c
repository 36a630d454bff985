/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-conntrack.c - flows are listed, found and forgotten, one at a time, in both families. */

#include <sys/socket.h>

#include "private-net.h"

#include "host/conntrack.h"

#define SERVER 2222

static const struct {
        int family;
        const char *address;
} families[] = { { AF_INET, "10.9.0.1" }, { AF_INET6, "fd09::1" } };

static int setup(void **state) {
        private_net_renew();
        shell("ip link set lo up && ip address add 10.9.0.1/32 dev lo && ip address add "
              "fd09::1/128 dev lo nodad");
        /* Without a rule that needs it nothing is tracked. */
        shell("nft 'add table inet t; add chain inet t o { type filter hook output priority 0; }; "
              "add rule inet t o ct state invalid drop'");
        return 0;
}

/* A datagram from that port to the server's, where nobody listens. */
static ConntrackEnd send_from(size_t i, uint16_t port) {
        int fd = socket(families[i].family, SOCK_DGRAM, 0);
        ConntrackEnd end = { .port = port };
        const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) },
                                  to6 = { .sin6_family = AF_INET6, .sin6_port = htons(SERVER) };
        const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) },
                                 to4 = { .sin_family = AF_INET, .sin_port = htons(SERVER) };
        struct sockaddr_in6 from6 = v6, server6 = to6;
        struct sockaddr_in from4 = v4, server4 = to4;
        bool is6 = families[i].family == AF_INET6;

        ASSERT_OK(ip_address_parse(families[i].address, &end.address));
        from6.sin6_addr = server6.sin6_addr = end.address.v6;
        from4.sin_addr = server4.sin_addr = end.address.v4;
        assert_true(fd >= 0);
        if (is6) {
                assert_int_equal(bind(fd, (struct sockaddr *) &from6, sizeof(from6)), 0);
                assert_int_equal(
                        sendto(fd, "", 1, 0, (struct sockaddr *) &server6, sizeof(server6)), 1);
        } else {
                assert_int_equal(bind(fd, (struct sockaddr *) &from4, sizeof(from4)), 0);
                assert_int_equal(
                        sendto(fd, "", 1, 0, (struct sockaddr *) &server4, sizeof(server4)), 1);
        }
        close(fd);
        return end;
}

typedef struct Seen {
        unsigned n, parts;
        uint16_t unwanted; /* the port of the flow to be forgotten */
        ConntrackFlow last;
} Seen;

static bool on_flow(const ConntrackFlow *f, void *userdata) {
        Seen *seen = userdata;

        if (f->to.port != SERVER)
                return false;
        seen->n++;
        seen->last = *f;
        return f->from.port == seen->unwanted;
}

static Seen look_through(int family, uint16_t unwanted, unsigned forgotten) {
        _cleanup_(conntrack_dump_freep) ConntrackDump *d = NULL;
        Seen seen = { .unwanted = unwanted };
        int r;

        ASSERT_OK(conntrack_dump_new(family, &d));
        assert_true(conntrack_dump_fd(d) >= 0);
        while ((r = conntrack_dump_step(d, on_flow, &seen)) > 0)
                seen.parts++;
        assert_int_equal(r, 0);
        assert_int_equal(conntrack_dump_forgotten(d), forgotten);
        return seen;
}

static void test_flows(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
                int family = families[i].family;
                ConntrackEnd from, server;
                ConntrackFlow flow;
                Seen seen;

                for (uint16_t port = 1000; port < 1500; port++)
                        from = send_from(i, port);
                server = (ConntrackEnd){ from.address, SERVER };
                seen = look_through(family, 0, 0);
                assert_int_equal(seen.n, 500);
                assert_int_equal(seen.last.family, family);
                assert_int_equal(seen.last.protocol, IPPROTO_UDP);
                assert_false(seen.last.replied);
                assert_true(ip_address_equal(&seen.last.from.address, &from.address));
                assert_int_equal(seen.last.reply_from.port, SERVER);
                assert_int_equal(seen.last.reply_to.port, seen.last.from.port);

                ASSERT_OK(conntrack_find(IPPROTO_UDP, &from, &server, &flow));
                assert_int_equal(flow.from.port, from.port);
                assert_int_equal(look_through(family, from.port, 1).n, 500);
                ASSERT_ERROR(conntrack_find(IPPROTO_UDP, &from, &server, &flow), ENOENT);
                assert_int_equal(look_through(family, from.port, 0).n, 499);
        }
}

/* However many flows of the other family there are, no part of the table is walked over unseen. */
static void test_other_family(void **state) {
        ConntrackEnd from = {};
        Seen v4, v6, both;
        unsigned count = 1;

        ASSERT_OK(conntrack_count(&count));
        assert_int_equal(count, 0);
        for (uint16_t port = 1000; port < 1500; port++)
                from = send_from(0, port);
        v4 = look_through(AF_INET, 0, 0);
        v6 = look_through(AF_INET6, 0, 0);
        assert_int_equal(v4.n, 500);
        assert_int_equal(v6.n, 0);
        assert_true(v4.parts > 2);
        assert_true(v6.parts >= v4.parts);
        (void) send_from(1, from.port);
        ASSERT_OK(conntrack_count(&count));
        assert_int_equal(count, 501);
        both = look_through(AF_UNSPEC, from.port, 2);
        assert_int_equal(both.n, 501);
        assert_int_equal(look_through(AF_UNSPEC, 0, 0).n, 499);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test_setup(test_flows, setup),
                                            cmocka_unit_test_setup(test_other_family, setup) };

        private_net_enter();
        return RUN_TESTS(tests);
}
