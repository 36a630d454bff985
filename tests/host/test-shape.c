/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-shape.c - how many bytes pass an interface with a limit, against the real kernel. Also run
 * under a UML kernel, whose modules have a policer, which is missing on some hosts. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "private-net.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "host/rtnl-shape.h"

enum {
        RATE = 200000, /* bytes a second */
        BURST = 131072,
        DATAGRAM = 1400,
        PORT = 9,
        SPAN_MSEC = 600,
        WITHOUT_LIMIT = 4 * (RATE / 1000 * SPAN_MSEC + BURST), /* what a flood exceeds by far */
};

static Rtnl *rtnl;

/* 10.0.0.1 on "near"; its peer is in another namespace, to which a flood is sent. */
static int setup(void **state) {
        private_net_renew();
        shell("ip link add near address 02:00:00:00:00:01 type veth peer name far address "
              "02:00:00:00:00:02");
        shell("ip address add 10.0.0.1/24 dev near; ip link set near up; ip link set far up");
        shell("ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev near nud permanent");
        return rtnl_open(&rtnl);
}

static int teardown(void **state) {
        rtnl = rtnl_close(rtnl);
        return 0;
}

static int index_of(const char *ifname) {
        RtnlLink link;

        ASSERT_OK(net_link_get(rtnl, ifname, &link));
        return link.index;
}

static uint64_t received(const char *ifname) {
        _cleanup_free_ char *text =
                shell_output("cat /sys/class/net/%s/statistics/rx_bytes", ifname);

        return strtoull(text, NULL, 10);
}

static void flood(void) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons(PORT),
                                        .sin_addr = { htonl(0x0a000002) } };
        static const char data[DATAGRAM];
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        usec_t end = usec_add(now_usec(CLOCK_MONOTONIC), SPAN_MSEC * USEC_PER_MSEC);

        assert_true(fd >= 0);
        while (now_usec(CLOCK_MONOTONIC) < end)
                if (sendto(fd, data, sizeof(data), MSG_DONTWAIT, (const struct sockaddr *) &to,
                           sizeof(to)) < 0)
                        (void) poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1);
}

static void test_to(void **state) {
        uint64_t n;

        ASSERT_OK(net_shape_to(rtnl, index_of("near"), RATE));
        ASSERT_OK(net_shape_to(rtnl, index_of("near"), RATE)); /* again */
        n = received("far");
        flood();
        n = received("far") - n;
        assert_in_range(n, RATE / 1000 * SPAN_MSEC / 4, WITHOUT_LIMIT);
        shell("tc qdisc show dev near | grep -q tbf");
        net_unshape(rtnl, index_of("near"));
        net_unshape(rtnl, index_of("near")); /* again */
        shell("! tc qdisc show dev near | grep -q tbf");
}

/* Bytes of IPv4 that have got past the ingress of any interface. */
static uint64_t accepted(void) {
        _cleanup_free_ char *text =
                shell_output("awk '/^IpExt:/ { if (n[\"InOctets\"]) print $n[\"InOctets\"]; else "
                             "for (i = 2; i <= NF; i++) n[$i] = i }' "
                             "/proc/net/netstat");

        return strtoull(text, NULL, 10);
}

static void test_from(void **state) {
        int r = net_shape_from(rtnl, index_of("far"), RATE);
        uint64_t n = accepted();

        if (getenv("UNDER_UML")) /* with the modules for it */
                ASSERT_OK(r);
        if (r >= 0)
                ASSERT_OK(net_shape_from(rtnl, index_of("far"), RATE)); /* again */
        flood();
        n = accepted() - n;
        if (r >= 0) {
                assert_in_range(n, RATE / 1000 * SPAN_MSEC / 4, WITHOUT_LIMIT);
                net_unshape(rtnl, index_of("far"));
                shell("! tc qdisc show dev far | grep -q ingress");
                return;
        }
        assert_true(r == -ENOENT || r == -EOPNOTSUPP);
        assert_true(n > WITHOUT_LIMIT);
        shell("! tc qdisc show dev far | grep -q ingress");
}

/* Without one the flood would prove nothing. On a slow machine it may take more than one to show.
 */
static void test_no_limit(void **state) {
        uint64_t n = 0;

        for (int i = 0; i < 10 && n <= WITHOUT_LIMIT; i++) {
                n = received("far");
                flood();
                n = received("far") - n;
        }
        assert_true(n > WITHOUT_LIMIT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_no_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_to, setup, teardown),
                cmocka_unit_test_setup_teardown(test_from, setup, teardown),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
