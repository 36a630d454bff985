/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-rtnl.c - links, addresses, neighbours and the default route against the real kernel. */

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "private-net.h"

#include "host/rtnl.h"

static Rtnl *rtnl;
static bool old_kernel = false;

/* Stands before libc's. Without strict checking a kernel answers as those before 4.20 do: with
 * everything. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
        if (old_kernel && level == SOL_NETLINK && name == NETLINK_GET_STRICT_CHK) {
                errno = ENOPROTOOPT;
                return -1;
        }
        return (int) syscall(SYS_setsockopt, fd, level, name, value, size);
}

static IpAddress ip(const char *text) {
        IpAddress a;

        ASSERT_OK(ip_address_parse(text, &a));
        return a;
}

#define IP(text) (&(IpAddress){ ip(text).v4, ip(text).v6 })

/* An empty namespace with a connection into it. */
static int setup(void **state) {
        private_net_renew();
        return rtnl_open(&rtnl);
}

static int setup_old(void **state) {
        old_kernel = true;
        return setup(state);
}

static int teardown(void **state) {
        rtnl = rtnl_close(rtnl);
        old_kernel = false;
        return 0;
}

static int make_link(const char *ifname) {
        RtnlLink link;

        shell("ip tuntap add dev %s mode tap", ifname);
        ASSERT_OK(net_link_get(rtnl, ifname, &link));
        return link.index;
}

static void assert_output(const char *expected, const char *command) {
        _cleanup_free_ char *text = shell_output("%s", command);

        assert_string_equal(text, expected);
}

static void test_link(void **state) {
        RtnlLink link = { .index = 77 };
        int index = make_link("tap0");

        ASSERT_ERROR(net_link_get(rtnl, "tap1", &link), ENODEV);
        assert_int_equal(link.index, 77);
        ASSERT_OK(net_link_get(rtnl, "tap0", &link));
        assert_int_equal(link.index, index);
        assert_int_equal(link.mtu, 1500);
        assert_false(link.flags & IFF_UP);
        assert_string_equal(link.alias, "");

        assert_int_equal(net_link_set_alias(rtnl, index, "umld:web"), 1);
        assert_int_equal(net_link_set_alias(rtnl, index, "umld:web"), 0);
        assert_int_equal(net_link_set_mtu(rtnl, index, 1400), 1);
        assert_int_equal(net_link_set_mtu(rtnl, index, 1400), 0);
        assert_int_equal(net_link_set_up(rtnl, index), 1);
        assert_int_equal(net_link_set_up(rtnl, index), 0);

        ASSERT_OK(net_link_get(rtnl, "tap0", &link));
        assert_int_equal(link.index, index);
        assert_int_equal(link.mtu, 1400);
        assert_true(link.flags & IFF_UP);
        assert_string_equal(link.alias, "umld:web");

        /* A foreign alias may be longer than what we keep. */
        shell("ip link set tap0 alias $(printf %%0100d 1)");
        ASSERT_OK(net_link_get(rtnl, "tap0", &link));
        assert_int_equal(strlen(link.alias), sizeof(link.alias) - 1);
        assert_int_equal(net_link_set_alias(rtnl, index, "x"), 1);
}

static void test_link_errors(void **state) {
        int index = make_link("tap0");

        ASSERT_ERROR(net_link_set_up(rtnl, 9999), ENODEV);
        ASSERT_ERROR(net_link_set_mtu(rtnl, index, 1), EINVAL);
        /* The connection goes on after an error. */
        assert_int_equal(net_link_set_mtu(rtnl, index, 1300), 1);
}

static void test_address(void **state) {
        static const char list[] = "ip -4 -br address show dev tap0 | tr -s ' ' | sed 's/ $//'";
        IpAddress a = ip("10.0.0.1");
        int index = make_link("tap0"), other = make_link("tap1");

        assert_int_equal(net_address_set(rtnl, index, &a, 24), 1);
        assert_output("tap0 DOWN 10.0.0.1/24\n", list);
        assert_int_equal(net_address_set(rtnl, index, &a, 24), 0);

        assert_int_equal(net_address_set(rtnl, index, &a, 16), 1);
        assert_output("tap0 DOWN 10.0.0.1/16\n", list);
        assert_int_equal(net_address_set(rtnl, index, IP("10.9.9.9"), 32), 1);
        assert_output("tap0 DOWN 10.0.0.1/16 10.9.9.9/32\n", list);

        /* The same address on another interface is not this one's. */
        assert_int_equal(net_address_set(rtnl, other, &a, 16), 1);
        assert_int_equal(net_address_set(rtnl, index, &a, 16), 0);
        ASSERT_ERROR(net_address_set(rtnl, 9999, &a, 24), ENODEV);
}

/* What `ip address add` leaves must be the same as what we leave. */
static void test_address_like_ip(void **state) {
        _cleanup_free_ char *ours = NULL, *theirs = NULL;
        int index = make_link("tap0");

        ASSERT_OK(net_address_set(rtnl, index, IP("10.0.0.1"), 24));
        ours = shell_output("ip -o -4 address show dev tap0");
        shell("ip address flush dev tap0 && ip address add 10.0.0.1/24 dev tap0");
        theirs = shell_output("ip -o -4 address show dev tap0");
        assert_string_equal(ours, theirs);
}

static void test_neighbour(void **state) {
        static const char list[] = "ip neighbour show dev tap0 | sed 's/ *$//'";
        static const struct ether_addr mac = { { 2, 0, 0, 0, 0, 1 } },
                                       other = { { 2, 0, 0, 0, 0, 9 } };
        IpAddress a = ip("10.0.0.2");
        int index = make_link("tap0");

        ASSERT_OK(net_address_set(rtnl, index, IP("10.0.0.1"), 24));
        ASSERT_OK(net_link_set_up(rtnl, index));
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &mac), 1);
        assert_output("10.0.0.2 lladdr 02:00:00:00:00:01 PERMANENT\n", list);
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &mac), 0);

        assert_int_equal(net_neighbour_set(rtnl, index, &a, &other), 1);
        assert_output("10.0.0.2 lladdr 02:00:00:00:00:09 PERMANENT\n", list);

        /* The right address that may yet be forgotten is not enough. */
        shell("ip neighbour replace 10.0.0.2 lladdr 02:00:00:00:00:09 nud stale dev tap0");
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &other), 1);
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &other), 0);
}

/* What the host answers for is not a neighbour, nor the other way round. */
static void test_neighbour_proxy(void **state) {
        static const char list[] = "ip -6 neighbour show proxy | sed 's/ *$//'";
        static const struct ether_addr mac = { { 2, 0, 0, 0, 0, 1 } };
        IpAddress a = ip("2001:db8::2");
        int index = make_link("tap0"), other = make_link("tap1");

        ASSERT_OK(net_link_set_up(rtnl, index));
        ASSERT_OK(net_link_set_up(rtnl, other));
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &mac), 1);
        assert_int_equal(net_neighbour_proxy_has(rtnl, index, &a), 0);
        assert_int_equal(net_neighbour_proxy_set(rtnl, index, &a, false), 0);
        assert_int_equal(net_neighbour_proxy_set(rtnl, index, &a, true), 1);
        assert_int_equal(net_neighbour_proxy_set(rtnl, index, &a, true), 0);
        assert_output("2001:db8::2 dev tap0 proxy\n", list);
        assert_int_equal(net_neighbour_proxy_has(rtnl, index, &a), 1);
        assert_int_equal(net_neighbour_proxy_has(rtnl, other, &a), 0);
        assert_int_equal(net_neighbour_proxy_has(rtnl, index, IP("2001:db8::3")), 0);
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &mac), 0);
        assert_int_equal(net_neighbour_proxy_set(rtnl, index, &a, false), 1);
        assert_output("", list);
        assert_int_equal(net_neighbour_set(rtnl, index, &a, &mac), 0);
}

/* expected NULL: there is none. */
static void assert_uplink_of(int family, const char *expected) {
        char ifname[1][IFNAMSIZ] = {};

        assert_int_equal(net_default_uplinks(rtnl, family, ifname, 1), expected ? 1 : 0);
        assert_string_equal(ifname[0], expected ?: "");
}

static void assert_uplink(const char *expected) {
        assert_uplink_of(AF_INET, expected);
}

static void test_uplink(void **state) {
        assert_uplink(NULL);
        make_link("eth0");
        make_link("eth1");
        make_link("venet0");
        shell("for i in eth0 eth1 venet0; do ip link set $i up; done");
        shell("ip address add 192.0.2.2/24 dev eth0 && ip address add 198.51.100.2/24 dev eth1 && "
              "ip address add 127.0.0.1/32 dev venet0");

        /* Not these: no default, another table, a route that drops. */
        shell("ip route add 203.0.113.0/24 via 192.0.2.1");
        shell("ip route add default via 192.0.2.1 table 99");
        shell("ip route add blackhole default metric 1");
        assert_uplink(NULL);

        shell("ip route add default via 192.0.2.1 dev eth0 metric 200");
        assert_uplink("eth0");
        shell("ip route add default via 198.51.100.1 dev eth1 metric 100");
        assert_uplink("eth1");
        /* OpenVZ's: no gateway at all, and no metric, which is the lowest. */
        shell("ip route add default dev venet0 scope link");
        assert_uplink("venet0");
        shell("ip route del default dev venet0");
        assert_uplink("eth1");
}

static void test_uplink_multipath(void **state) {
        make_link("eth0");
        make_link("eth1");
        shell("ip link set eth0 up && ip link set eth1 up");
        shell("ip address add 192.0.2.2/24 dev eth0 && ip address add 198.51.100.2/24 dev eth1");
        shell("ip route add default nexthop via 198.51.100.1 nexthop via 192.0.2.1");
        assert_uplink("eth1");
}

/* Each family goes its own way. */
static void test_uplink6(void **state) {
        make_link("eth0");
        make_link("eth1");
        shell("for i in eth0 eth1; do ip link set $i up; done; ip route add default dev eth0");
        shell("ip -6 route add unreachable default metric 1");
        assert_uplink_of(AF_INET6, NULL);
        shell("ip -6 route add default via fe80::1 dev eth1 metric 200");
        assert_uplink_of(AF_INET6, "eth1");
        assert_uplink("eth0");
        shell("ip -6 route add default dev eth0 metric 100");
        assert_uplink_of(AF_INET6, "eth0");
}

/* The names of the ways of such packets, separated by spaces. */
static void assert_ways(const char *from, int in, const char *expected) {
        IpAddress a = ip(from);
        char names[4][IFNAMSIZ], all[80] = "";
        int n = net_ways_out(rtnl, ip_address_is_v6(&a) ? AF_INET6 : AF_INET, &a, in, names, 4);

        assert_true(n >= 0);
        for (int i = 0; i < n; i++)
                snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i > 0 ? " " : "",
                         names[i]);
        assert_string_equal(all, expected);
}

static void test_ways(void **state) {
        int tap = make_link("tap0");

        make_link("eth0");
        make_link("eth1");
        assert_ways("10.0.0.2", tap, "");
        shell("for i in eth0 eth1 tap0; do ip link set $i up; done; ip address add 10.0.0.1/24 dev "
              "tap0; echo 1 >/proc/sys/net/ipv4/ip_forward");
        /* A table for one address, which the host itself does not use. */
        shell("ip route add default dev eth1 table 5000 && ip rule add from 10.0.0.2 lookup 5000");
        assert_ways("10.0.0.2", tap, "eth1");
        assert_ways("10.0.0.2", 0, "");
        shell("ip route add default dev eth0");
        assert_ways("10.0.0.2", tap, "eth1");
        assert_ways("10.0.0.2", 0, "eth0");
        shell("ip rule del from 10.0.0.2");
        assert_ways("10.0.0.2", tap, "eth0");
        shell("ip route replace default nexthop dev eth0 nexthop dev eth1");
        assert_ways("10.0.0.2", tap, "eth0 eth1");
        /* Both halves of the Internet are in front of the default route. */
        shell("ip route replace default dev eth0 && ip route add 0.0.0.0/1 dev eth1 && "
              "ip route add 128.0.0.0/1 dev eth1");
        assert_ways("10.0.0.2", tap, "eth1");
        assert_ways("fd00::2", 0, "");
        shell("ip -6 route add default dev eth0 table 5000 && ip -6 rule add lookup 5000");
        assert_ways("fd00::2", 0, "eth0");
}

static void test_public_addresses(void **state) {
        IpAddress a[3] = { 0 };

        ASSERT_ERROR(net_public_addresses(rtnl, "venet0", AF_INET, a, 3), ENODEV);
        make_link("venet0");
        make_link("tap0");
        assert_int_equal(net_public_addresses(rtnl, "venet0", AF_INET, a, 3), 0);
        /* As on OpenVZ, where the first one is of no use to the world. */
        shell("ip address add 127.0.0.2/32 dev venet0 && ip address add 203.0.113.7/32 dev venet0 "
              "label venet0:0 && ip address add 203.0.113.8/32 dev venet0 && ip address add "
              "169.254.1.1/16 scope link dev venet0 && ip address add 10.0.0.1/24 dev tap0");
        assert_int_equal(net_public_addresses(rtnl, "venet0", AF_INET, a, 3), 2);
        assert_int_equal(a[0].v4.s_addr, ip("203.0.113.7").v4.s_addr);
        assert_int_equal(a[1].v4.s_addr, ip("203.0.113.8").v4.s_addr);
        assert_int_equal(net_public_addresses(rtnl, "venet0", AF_INET, a, 1), 1);
}

/* The same of IPv6, at once usable where we set it. */
static void test_ipv6(void **state) {
        static const struct ether_addr mac = { { 2, 0, 0, 0, 0, 1 } };
        IpAddress a = ip("fd00::1"), public[3];
        char ifname[IFNAMSIZ];
        int index = make_link("tap0");

        assert_int_equal(net_link_set_up(rtnl, index), 1);
        assert_int_equal(net_address_owner(rtnl, &a, 0, ifname), 0);
        assert_int_equal(net_address_set(rtnl, index, &a, 64), 1);
        assert_int_equal(net_address_set(rtnl, index, &a, 64), 0);
        assert_output("fd00::1/64\n",
                      "ip -6 -o address show dev tap0 scope global -tentative | awk "
                      "'{ print $4 }'");
        assert_int_equal(net_address_set(rtnl, index, &a, 80), 1);
        assert_output("fd00::1/80\n", "ip -6 -o address show dev tap0 scope global | awk "
                                      "'{ print $4 }'");
        assert_int_equal(net_address_owner(rtnl, &a, 0, ifname), 1);
        assert_string_equal(ifname, "tap0");
        assert_int_equal(net_address_owner(rtnl, &a, index, ifname), 0);
        assert_int_equal(net_neighbour_set(rtnl, index, IP("fd00::2"), &mac), 1);
        assert_int_equal(net_neighbour_set(rtnl, index, IP("fd00::2"), &mac), 0);
        assert_output("fd00::2 lladdr 02:00:00:00:00:01 PERMANENT \n",
                      "ip -6 neighbour show dev tap0 nud permanent");
        /* Neither the link's own address nor one that is deprecated. */
        shell("ip address add 2001:db8::7/64 dev tap0 nodad && ip address add 2001:db8::8/64 dev "
              "tap0 nodad preferred_lft 0");
        assert_int_equal(net_public_addresses(rtnl, "tap0", AF_INET6, public, 3), 2);
        assert_true(ip_address_is_v6(&public[0]) && ip_address_is_v6(&public[1]));
        assert_true(ip_address_equal(&public[0], IP("2001:db8::7")) ||
                    ip_address_equal(&public[1], IP("2001:db8::7")));
        assert_int_equal(net_public_addresses(rtnl, "tap0", AF_INET, public, 3), 0);
}

static void test_address_owner(void **state) {
        char ifname[IFNAMSIZ] = "untouched";
        IpAddress a = ip("10.0.0.1");
        int index = make_link("tap0");

        assert_int_equal(net_address_owner(rtnl, &a, 0, ifname), 0);
        shell("ip address add 10.0.0.1/24 dev tap0");
        assert_int_equal(net_address_owner(rtnl, &a, index, ifname), 0);
        assert_int_equal(net_address_owner(rtnl, IP("10.0.0.2"), 0, ifname), 0);
        assert_string_equal(ifname, "untouched");
        assert_int_equal(net_address_owner(rtnl, &a, 0, ifname), 1);
        assert_string_equal(ifname, "tap0");
        make_link("tap1");
        shell("ip address add 10.0.0.1/24 dev tap1");
        assert_int_equal(net_address_owner(rtnl, &a, index, ifname), 1);
        assert_string_equal(ifname, "tap1");
}

static void without_rights(void) {
        Rtnl *mine = NULL;
        RtnlLink link;

        assert(setresuid(65534, 65534, 65534) >= 0);
        assert(rtnl_open(&mine) >= 0);
        assert(net_link_get(mine, "tap0", &link) >= 0);
        assert(net_link_set_up(mine, link.index) == -EPERM);
        assert(net_address_set(mine, link.index, IP("10.0.0.1"), 24) == -EPERM);
        rtnl_close(mine);
}

static void test_forbidden(void **state) {
        make_link("tap0");
        in_child(without_rights);
}

/* More addresses than one answer of the kernel holds. */
static void test_many_addresses(void **state) {
        IpAddress last = ip("10.1.3.250");
        int index = make_link("tap0");

        shell("for i in 0 1 2 3; do for j in $(seq 1 250); do "
              "echo address add 10.1.$i.$j/32 dev tap0; done; done | ip -batch -");
        assert_int_equal(net_address_set(rtnl, index, &last, 32), 0);
        assert_int_equal(net_address_set(rtnl, index, IP("10.1.3.251"), 32), 1);
}

int main(void) {
#define OLD(test)                                                                                  \
        { #test " (old kernel)", test, setup_old, teardown, NULL }
        const struct CMUnitTest tests[] = {
                OLD(test_link),
                OLD(test_address),
                OLD(test_neighbour),
                OLD(test_neighbour_proxy),
                OLD(test_uplink),
                OLD(test_address_owner),
                OLD(test_many_addresses),
                cmocka_unit_test_setup_teardown(test_link, setup, teardown),
                cmocka_unit_test_setup_teardown(test_link_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_address, setup, teardown),
                cmocka_unit_test_setup_teardown(test_address_like_ip, setup, teardown),
                cmocka_unit_test_setup_teardown(test_neighbour, setup, teardown),
                cmocka_unit_test_setup_teardown(test_neighbour_proxy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_uplink, setup, teardown),
                cmocka_unit_test_setup_teardown(test_uplink_multipath, setup, teardown),
                cmocka_unit_test_setup_teardown(test_uplink6, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ways, setup, teardown),
                cmocka_unit_test_setup_teardown(test_public_addresses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
                cmocka_unit_test_setup_teardown(test_address_owner, setup, teardown),
                cmocka_unit_test_setup_teardown(test_forbidden, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many_addresses, setup, teardown),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
