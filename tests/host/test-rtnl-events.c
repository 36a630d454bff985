/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-rtnl-events.c - which changes of the host's network are told of. */

#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "private-net.h"

#include "host/rtnl-events.h"

static unsigned make_link(const char *ifname) {
        shell("ip tuntap add dev %s mode tap", ifname);
        return if_nametoindex(ifname);
}

/* Was there a notification since the last call? */
static bool notified(int fd) {
        char byte;
        bool any = recv(fd, &byte, 1, MSG_PEEK) >= 0;

        rtnl_events_drain(fd);
        return any;
}

/* The kernel makes an address of IPv6 later, in a worker. */
static bool notified_soon(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 10 * 1000) > 0 && notified(fd);
}

static void test_events(void **state) {
        static const char *const wanted[] = {
                "ip address add 192.0.2.2/24 dev up0",
                "ip link set up1 mtu 1400",
                "ip link set up0 name up2",
                "ip address del 192.0.2.2/24 dev up2",
                "ip -6 address add 2001:db8::1/64 dev up2 nodad",
                "ip route add default dev up2",
                "ip route del default",
                "ip route add 128.0.0.0/1 dev up2",
                "ip rule add from 198.51.100.1 lookup 99",
                "ip rule del from 198.51.100.1",
                "ip -6 rule add from 2001:db8::9 lookup 99",
                "ip -6 rule del from 2001:db8::9",
                "echo 1 >/proc/sys/net/ipv4/ip_forward",
                "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
                "echo 0 >/proc/sys/net/ipv4/ip_forward",
                "echo 2 >/proc/sys/net/ipv4/conf/up2/rp_filter",
                "ip link del up1",
        };
        int fd = rtnl_events_open();
        unsigned indexes[2];

        ASSERT_OK(fd);
        indexes[0] = make_link("up0");
        indexes[1] = make_link("up1");
        make_link("other");
        shell("ip link set up0 up && ip address add 192.0.2.1/24 dev up0");
        assert_true(notified(fd));
        ASSERT_OK(rtnl_events_filter(fd, indexes, 2));
        assert_false(notified(fd));

        shell("ip link set other up && ip address add 192.0.2.129/25 dev other && "
              "ip link set other mtu 1400 && ip address add fd00::1/64 dev other && "
              "ip route add 198.51.100.0/24 dev other && ip tuntap add dev later mode tap && "
              "ip link del other && "
              "echo 2 >/proc/sys/net/ipv4/conf/later/rp_filter");
        assert_false(notified(fd));
        FOREACH_ELEMENT (command, wanted) {
                shell("%s", *command);
                if (!notified_soon(fd))
                        fail_msg("%s", *command);
        }
        ASSERT_OK(rtnl_events_filter(fd, NULL, 0));
        ASSERT_OK(rtnl_events_filter(fd, NULL, 0));
        shell("ip link del later");
        assert_true(notified(fd));
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
