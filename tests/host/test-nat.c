/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat.c - a guest's chains in the real legacy tables, as iptables(8) itself sees them. */

#include <stdio.h>

#include "nat-tables.h"

static void test_exact_text(void **state) {
        assert_int_equal(check(&web), 0);
        assert_int_equal(apply(&web), 1);
        assert_int_equal(nat_kernel.commits, 2);
        assert_as_planned();

        /* A second time there is nothing to do. */
        assert_int_equal(apply(&web), 0);
        assert_int_equal(check(&web), 1);
        assert_int_equal(nat_kernel.commits, 2);

        assert_int_equal(take_away("web"), 1);
        assert_int_equal(nat_kernel.commits, 4);
        assert_int_equal(check(&web), 0);
        assert_int_equal(take_away("web"), 0);
        assert_int_equal(nat_kernel.commits, 4);
        shell("! iptables-legacy-save | grep UMLD");
}

/* Our bytes are those of iptables(8): its -C compares them. */
static void test_found_by_iptables(void **state) {
        apply(&web);
        shell("iptables-legacy-save | sed -n 's/^-A/-C/p' | grep -v MASQ | while read -r rule; do "
              "iptables-legacy -t nat $rule 2>/dev/null || iptables-legacy $rule || exit 1; done");
        shell("iptables-legacy -t nat -C UMLD-POST-web -s 10.0.0.2 -o venet0 -j MASQUERADE");
        shell("! iptables-legacy -t nat -C UMLD-PRE-web -p tcp --dport 81 -j DNAT "
              "--to-destination 10.0.0.2:80 2>/dev/null");
}

/* The chains for connections from near, as iptables(8) shows and finds them. */
static void test_public_addresses(void **state) {
        static const IpAddress public[] = { { .v4 = { 0x010200c0 } } };
        NatPlan plan = web;

        plan.side[NAT_IPV4].public = public;
        plan.side[NAT_IPV4].n_public = 1;
        plan.side[NAT_IPV4].host_address.v4.s_addr = htonl(0x0a000001);
        apply(&plan);
        assert_int_equal(check(&plan), 1);
        shell("iptables-legacy -t nat -C PREROUTING -j UMLD-LOC-web");
        shell("iptables-legacy -t nat -C OUTPUT -j UMLD-OUT-web");
        shell("iptables-legacy -t nat -C UMLD-LOC-web -d 192.0.2.1 -j UMLD-PRE-web");
        shell("iptables-legacy -t nat -C UMLD-OUT-web -d 192.0.2.1 -j UMLD-PRE-web");
        shell("iptables-legacy -t nat -C UMLD-POST-web -s 10.0.0.2 -d 10.0.0.2 -o tap0 -j SNAT "
              "--to-source 10.0.0.1");
        shell("iptables-legacy -t nat -F UMLD-OUT-web");
        assert_int_equal(check(&plan), 0);
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        /* Without forwards nothing jumps to where they were. */
        plan.n_forwards = 0;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        shell("! iptables-legacy-save | grep -e UMLD-LOC -e UMLD-OUT -e UMLD-PRE");
        plan.n_forwards = 1;
        plan.one_arm = true;
        assert_int_equal(apply(&plan), 1);
        shell("iptables-legacy -t nat -C UMLD-POST-web -d 10.0.0.2 -o tap0 -m conntrack --ctstate "
              "DNAT -j SNAT --to-source 10.0.0.1");
        assert_int_equal(take_away("web"), 1);
        shell("! iptables-legacy-save | grep UMLD");
}

#define ADDRESS6(network, host)                                                                    \
        {                                                                                          \
                {                                                                                  \
                        { 0x20, 1, 0x0d, 0xb8, 0, (network), [15] = (host) }                       \
                }                                                                                  \
        }

/* Every chain of both families, as iptables(8) itself writes them. */
static void test_both_families(void **state) {
        static const IpAddress public[] = { { .v6 = { { { 0x20, 1, 0x0d, 0xb8, [15] = 9 } } } } };
        static const Forward forward = { FORWARD_TCP, 8080, 8080, 80 };
        static const char expected[] =
                "-A FORWARD -j UMLD-MSS-web\n"
                "-A UMLD-MSS-web -i tap0 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS "
                "--clamp-mss-to-pmtu\n"
                "-A UMLD-MSS-web -o tap0 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS "
                "--clamp-mss-to-pmtu\n"
                "-A INPUT -i tap0 -j UMLD-IN-web\n"
                "-A FORWARD -j UMLD-USER\n"
                "-A FORWARD -i tap0 -j UMLD-FROM-web\n"
                "-A FORWARD -o tap0 -j UMLD-TO-web\n"
                "-A FORWARD -j UMLD-FWD-web\n"
                "-A OUTPUT -o tap0 -j UMLD-SND-web\n"
                "-A UMLD-CNT-web -i tap0 -m connlimit --connlimit-above 500 --connlimit-mask 0 "
                "--connlimit-saddr -j DROP\n"
                "-A UMLD-CNT-web -m connlimit --connlimit-above 1000 --connlimit-mask 0 "
                "--connlimit-saddr -j DROP\n"
                "-A UMLD-CNT-web -p tcp -m tcp -m limit --limit 10000/sec --limit-burst 10000 -j "
                "RETURN\n"
                "-A UMLD-CNT-web -p tcp -m tcp -j DROP\n"
                "-A UMLD-FROM-web -m mac ! --mac-source 02:00:00:00:00:09 -j DROP\n"
                "-A UMLD-FROM-web ! -s fd00::2/128 -j DROP\n"
                "-A UMLD-FROM-web -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n"
                "-A UMLD-FROM-web -j UMLD-CNT-web\n"
                "-A UMLD-FROM-web -m conntrack --ctstate DNAT -j RETURN\n"
                "-A UMLD-FROM-web -d ::/64 -j DROP\n"
                "-A UMLD-FROM-web -d 2001:db8:9::1/128 -p tcp -m tcp --dport 53 -j RETURN\n"
                "-A UMLD-FROM-web -d 2001:db8:9::1/128 -p udp -m udp --dport 53 -j RETURN\n"
                "-A UMLD-FROM-web -d 2001:db8:8::/48 -j RETURN\n"
                "-A UMLD-FROM-web -d fd00:ec2::/32 -j DROP\n"
                "-A UMLD-FROM-web -d fd20:ce::/32 -j DROP\n"
                "-A UMLD-FROM-web -d fd00:c1::a9fe:a9fe/128 -j DROP\n"
                "-A UMLD-FROM-web -d fd00:42::42/128 -j DROP\n"
                "-A UMLD-FROM-web -d fd00:a9fe:a9fe::1/128 -j DROP\n"
                "-A UMLD-FROM-web -d fd00:100::100:200/128 -j DROP\n"
                "-A UMLD-FROM-web -d 2001:db8:7::/64 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::a9fe:0/112 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::6464:64c8/128 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::a83f:8110/128 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::c000:c0/128 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::/104 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::a00:0/104 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::6440:0/106 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::7f00:0/104 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::ac10:0/108 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b::c0a8:0/112 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:a9fe::/32 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:6464:64c8::/48 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:a83f:8110::/48 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:c000:c0::/48 -j DROP\n"
                "-A UMLD-FROM-web -d 2002::/24 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:a00::/24 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:6440::/26 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:7f00::/24 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:ac10::/28 -j DROP\n"
                "-A UMLD-FROM-web -d 2002:c0a8::/32 -j DROP\n"
                "-A UMLD-FROM-web -d 64:ff9b:1::/48 -j DROP\n"
                "-A UMLD-FROM-web -o venet0 -j RETURN\n"
                "-A UMLD-FROM-web -j DROP\n"
                "-A UMLD-FWD-web -s fd00::2/128 -i tap0 -j ACCEPT\n"
                "-A UMLD-FWD-web -d fd00::2/128 -o tap0 -m conntrack --ctstate "
                "RELATED,ESTABLISHED,DNAT -j ACCEPT\n"
                "-A UMLD-IN-web -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT\n"
                "-A UMLD-IN-web -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT\n"
                "-A UMLD-IN-web -m mac ! --mac-source 02:00:00:00:00:09 -j DROP\n"
                "-A UMLD-IN-web ! -s fd00::2/128 -j DROP\n"
                "-A UMLD-IN-web -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
                "-A UMLD-IN-web -j UMLD-CNT-web\n"
                "-A UMLD-IN-web -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j RETURN\n"
                "-A UMLD-IN-web -j DROP\n"
                "-A UMLD-SND-web -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT\n"
                "-A UMLD-SND-web -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT\n"
                "-A UMLD-SND-web -d fd00::2/128 -j ACCEPT\n"
                "-A UMLD-TO-web -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n"
                "-A UMLD-TO-web -j UMLD-CNT-web\n"
                "-A UMLD-TO-web -m conntrack --ctstate DNAT -j RETURN\n"
                "-A UMLD-TO-web -j DROP\n"
                "-A PREROUTING -i venet0 -j UMLD-PRE-web\n"
                "-A PREROUTING -j UMLD-LOC-web\n"
                "-A OUTPUT -j UMLD-OUT-web\n"
                "-A POSTROUTING -j UMLD-POST-web\n"
                "-A UMLD-LOC-web -d 2001:db8::9/128 -j UMLD-PRE-web\n"
                "-A UMLD-OUT-web -d 2001:db8::9/128 -j UMLD-PRE-web\n"
                "-A UMLD-POST-web -s fd00::2/128 -d fd00::2/128 -o tap0 -j SNAT --to-source "
                "fd00::1\n"
                "-A UMLD-POST-web -s fd00::2/128 -o venet0 -j MASQUERADE\n"
                "-A UMLD-PRE-web -p tcp -m tcp --dport 8080 -j DNAT --to-destination "
                "[fd00::2]:80\n";
        static const IpAddress resolvers[] = { { .v4 = { 0x08080808 } }, { .v6 = ADDRESS6(9, 1) } };
        static const IpPrefix reached[] = { { { .v6 = ADDRESS6(8, 0) }, 48 } },
                              links[] = { { { .v6 = ADDRESS6(7, 0) }, 64 } };
        _cleanup_free_ char *text = NULL;
        NatPlan plan = web;

        plan.resolvers = resolvers;
        plan.n_resolvers = ARRAY_SIZE(resolvers);
        plan.reached = reached;
        plan.n_reached = ARRAY_SIZE(reached);
        plan.forwards = &forward;
        plan.n_forwards = 1;
        plan.host_access = NAT_HOST_ICMP;
        plan.clamp_mss = true;
        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = { { { 0xfd, [15] = 2 } } },
                                         .host_address.v6 = { { { 0xfd, [15] = 1 } } },
                                         .masquerade = true,
                                         .public = public,
                                         .n_public = 1,
                                         .links = links,
                                         .n_links = ARRAY_SIZE(links) };
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        text = shell_output(
                "for t in mangle filter nat; do ip6tables-legacy-save -t $t | grep ^-A; "
                "done");
        assert_string_equal(text, expected);
        /* Its -C compares bytes; so nothing of ours but MASQUERADE could be written otherwise. */
        shell("for t in mangle filter nat; do ip6tables-legacy-save -t $t | sed -n 's/^-A/-C/p' | "
              "grep -v MASQ | while read -r rule; do ip6tables-legacy -t $t $rule || exit 1; done "
              "|| exit 1; done");
        shell("iptables-legacy -C INPUT -i tap0 -j UMLD-IN-web && iptables-legacy -C UMLD-IN-web "
              "-p "
              "icmp --icmp-type 8 -j RETURN && iptables-legacy -C UMLD-IN-web -j DROP && "
              "iptables-legacy -t mangle -C UMLD-MSS-web -i tap0 -p tcp --tcp-flags SYN,RST SYN -j "
              "TCPMSS --clamp-mss-to-pmtu");
        shell("ip6tables-legacy -F UMLD-IN-web");
        assert_int_equal(check(&plan), 0);
        assert_int_equal(apply(&plan), 1);
        /* By SNAT, and no longer at all: IPv4 keeps what it has. */
        plan.side[NAT_IPV6].snat_address = public[0];
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        shell("ip6tables-legacy -t nat -C UMLD-POST-web -s fd00::2 -o venet0 -j SNAT --to-source "
              "2001:db8::9");
        plan.side[NAT_IPV6] = (NatSide){};
        assert_int_equal(apply(&plan), 1);
        shell("! ip6tables-legacy-save | grep UMLD && iptables-legacy-save | grep -q UMLD");
        assert_int_equal(take_away("web"), 1);
        shell("! iptables-legacy-save | grep UMLD");
}

static void test_survives_save_and_restore(void **state) {
        apply(&web);
        shell("iptables-legacy-save >/run/rules && iptables-legacy -F && iptables-legacy -t nat "
              "-F");
        assert_int_equal(check(&web), 0);
        shell("iptables-legacy-restore </run/rules");
        assert_int_equal(check(&web), 1);
        assert_int_equal(apply(&web), 0);
}

static void test_repairs(void **state) {
        static const char *const damages[] = {
                "iptables-legacy -F FORWARD",
                "iptables-legacy -F",
                "iptables-legacy -F && iptables-legacy -X",
                "iptables-legacy -A FORWARD -j UMLD-FWD-web",
                "iptables-legacy -I FORWARD -j UMLD-FWD-web && "
                "iptables-legacy -A FORWARD -j UMLD-FWD-web",
                "iptables-legacy -R FORWARD 4 -p tcp -j UMLD-FWD-web",
                "iptables-legacy -R FORWARD 4 -g UMLD-FWD-web",
                "iptables-legacy -D FORWARD -j UMLD-USER",
                "iptables-legacy -D FORWARD -j UMLD-USER && iptables-legacy -X UMLD-USER",
                "iptables-legacy -D FORWARD 1 && iptables-legacy -A FORWARD -j UMLD-USER",
                "iptables-legacy -D FORWARD -i tap0 -j UMLD-FROM-web",
                "iptables-legacy -D FORWARD -o tap0 -j UMLD-TO-web && iptables-legacy -A FORWARD "
                "-o tap0 -j UMLD-TO-web",
                "iptables-legacy -R FORWARD 2 -j UMLD-FROM-web",
                "iptables-legacy -F UMLD-CNT-web",
                "iptables-legacy -R UMLD-CNT-web 2 -m connlimit --connlimit-above 1001 "
                "--connlimit-mask 0 -j DROP",
                "iptables-legacy -R UMLD-CNT-web 2 -m connlimit --connlimit-above 1000 "
                "--connlimit-mask 32 -j DROP",
                "iptables-legacy -R UMLD-CNT-web 2 -m connlimit --connlimit-upto 1000 "
                "--connlimit-mask 0 -j DROP",
                "iptables-legacy -R UMLD-CNT-web 3 -p tcp -m limit --limit 5000/sec --limit-burst "
                "10000 -j RETURN",
                "iptables-legacy -R UMLD-CNT-web 3 -p tcp -m limit --limit 10000/sec -j RETURN",
                "iptables-legacy -D UMLD-CNT-web 4",
                "iptables-legacy -R UMLD-FROM-web 1 -m mac --mac-source 02:00:00:00:00:09 -j DROP",
                "iptables-legacy -R UMLD-FROM-web 1 -m mac ! --mac-source 02:00:00:00:00:08 -j "
                "DROP",
                "iptables-legacy -R UMLD-FROM-web 2 -s 10.0.0.2 -j DROP",
                "iptables-legacy -R UMLD-FROM-web 2 ! -s 10.0.0.0/24 -j DROP",
                "iptables-legacy -R UMLD-FROM-web 6 -d 169.254.0.0/17 -j DROP",
                "iptables-legacy -R UMLD-FROM-web 6 -d 169.254.0.0/255.255.0.255 -j DROP",
                "iptables-legacy -R UMLD-FROM-web 6 ! -d 169.254.0.0/16 -j DROP",
                "iptables-legacy -I UMLD-FWD-web -j DROP",
                "iptables-legacy -A UMLD-FWD-web -j LOG",
                "iptables-legacy -R UMLD-FWD-web 1 -i tap0 -j ACCEPT",
                "iptables-legacy -R UMLD-FWD-web 1 -i tap+ -s 10.0.0.2 -j ACCEPT",
                "iptables-legacy -R UMLD-FWD-web 1 -i tap0 -s 10.0.0.0/24 -j ACCEPT",
                "iptables-legacy -R UMLD-FWD-web 1 -i tap0 ! -s 10.0.0.2 -j ACCEPT",
                "iptables-legacy -R UMLD-FWD-web 1 -i tap0 -s 10.0.0.2 -j DROP",
                "iptables-legacy -R UMLD-FWD-web 2 -o tap0 -d 10.0.0.2 -m conntrack "
                "--ctstate RELATED,ESTABLISHED,DNAT,NEW -j ACCEPT",
                "iptables-legacy -R UMLD-FWD-web 2 -o tap0 -d 10.0.0.2 -m conntrack "
                "--ctstate DNAT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "iptables-legacy -R UMLD-FWD-web 2 -o tap0 -d 10.0.0.2 -m conntrack "
                "! --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
                "iptables-legacy -t nat -F",
                "iptables-legacy -t nat -F PREROUTING",
                "iptables-legacy -t nat -D POSTROUTING 1",
                "iptables-legacy -t nat -R PREROUTING 1 -i eth7 -j UMLD-PRE-web",
                "iptables-legacy -t nat -D UMLD-PRE-web 3",
                "iptables-legacy -t nat -R UMLD-PRE-web 1 -p tcp --dport 8000:10000 "
                "--sport 1:1023 -j DNAT --to-destination 10.0.0.2",
                "iptables-legacy -t nat -R UMLD-PRE-web 3 -p tcp --dport 8080 -j DNAT "
                "--to-destination 10.0.0.2:81",
                "iptables-legacy -t nat -R UMLD-PRE-web 3 -p tcp --dport 8080 -j DNAT "
                "--to-destination 10.0.0.2:80 --random",
                "iptables-legacy -t nat -R UMLD-PRE-web 3 -p udp --dport 8080 -j DNAT "
                "--to-destination 10.0.0.2:80",
                "iptables-legacy -t nat -R UMLD-POST-web 1 -s 10.0.0.2 -o venet0 "
                "-j MASQUERADE --random",
                /* Two rules change places. */
                "iptables-legacy -t nat -D UMLD-PRE-web 1 && "
                "iptables-legacy -t nat -A UMLD-PRE-web -p tcp --dport 8000:10000 -j DNAT "
                "--to-destination 10.0.0.2",
        };

        apply(&web);
        FOREACH_ELEMENT (d, damages) {
                shell("%s", *d);
                nat_kernel_reset();
                if (check(&web) != 0)
                        fail_msg("not seen: %s", *d);
                assert_int_equal(nat_kernel.commits, 0);
                assert_int_equal(apply(&web), 1);
                if (nat_kernel.commits != 1)
                        fail_msg("%u commits for one table: %s", nat_kernel.commits, *d);
                assert_as_planned();
        }
}

static void test_plan_changes(void **state) {
        NatPlan other = web;

        apply(&web);
        other.uplink = "eth0";
        assert_int_equal(apply(&other), 1);
        shell("! iptables-legacy-save | grep venet0");
        /* What is no longer wanted goes, with its chain. */
        other.side[NAT_IPV4].masquerade = false;
        assert_int_equal(apply(&other), 1);
        shell("! iptables-legacy-save | grep UMLD-POST");
        other.n_forwards = 0;
        assert_int_equal(apply(&other), 1);
        shell("! iptables-legacy-save | grep UMLD-PRE");
        other.uplink = web.uplink;
        assert_int_equal(apply(&other), 1);
        assert_table("filter", web_filter);
        assert_int_equal(apply(&web), 1);
        assert_as_planned();
}

static void test_two_guests(void **state) {
        NatPlan db = web;

        db.guest = "db";
        db.tap = "tap1";
        apply(&web);
        assert_int_equal(apply(&db), 1);
        assert_int_equal(check(&web), 1);
        assert_int_equal(check(&db), 1);
        assert_int_equal(take_away("db"), 1);
        assert_int_equal(check(&web), 1);
        assert_as_planned();
}

static void assert_tables_in_use(const char *expected) {
        _cleanup_free_ char *names = shell_output("cat /proc/net/ip_tables_names");

        assert_string_equal(names, expected);
}

/* Looking must not bring a table to life that the host had no use for. */
static void test_unused_tables(void **state) {
        NatPlan closed = web;

        assert_int_equal(take_away("web"), 0);
        assert_tables_in_use("");
        closed.side[NAT_IPV4].masquerade = false;
        closed.n_forwards = 0;
        assert_int_equal(apply(&closed), 1);
        assert_tables_in_use("filter\n");
}

static void test_many_forwards(void **state) {
        static Forward many[513];
        NatPlan plan = web;
        NatRefusal refusal;

        for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
                many[i] = (Forward){ FORWARD_TCP | FORWARD_UDP, (uint16_t) (1000 + i),
                                     (uint16_t) (1000 + i), (uint16_t) (2000 + i) };
        plan.forwards = many;
        plan.n_forwards = 500;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(nat_kernel.commits, 2);
        assert_int_equal(check(&plan), 1);
        shell("test $(iptables-legacy-save -t nat | grep -c DNAT) -eq 1000");

        /* One forward changes: still one commit. */
        many[250].guest_first = 9;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(nat_kernel.commits, 3);

        plan.n_forwards = 512;
        assert_int_equal(apply(&plan), 1);
        plan.n_forwards = 513;
        ASSERT_ERROR(nat_apply(&plan, &refusal), E2BIG);
        assert_string_equal(refusal.what, "port forwards");
        shell("test $(iptables-legacy-save -t nat | grep -c DNAT) -eq 1024");
}

/* The longest names that can be. */
static void test_long_names(void **state) {
        NatPlan plan = web;

        plan.guest = "fifteen-bytes-x";
        plan.tap = "tap-of-15-bytes";
        plan.uplink = "upl-of-15-bytes";
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        shell("iptables-legacy -C UMLD-FWD-fifteen-bytes-x -i tap-of-15-bytes -s 10.0.0.2 -j "
              "ACCEPT");
        assert_int_equal(take_away("fifteen-bytes-x"), 1);
        shell("! iptables-legacy-save | grep UMLD");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_exact_text, nat_setup),
                cmocka_unit_test_setup(test_found_by_iptables, nat_setup),
                cmocka_unit_test_setup(test_public_addresses, nat_setup),
                cmocka_unit_test_setup(test_both_families, nat_setup),
                cmocka_unit_test_setup(test_survives_save_and_restore, nat_setup),
                cmocka_unit_test_setup(test_repairs, nat_setup),
                cmocka_unit_test_setup(test_plan_changes, nat_setup),
                cmocka_unit_test_setup(test_two_guests, nat_setup),
                cmocka_unit_test_setup(test_unused_tables, nat_setup),
                cmocka_unit_test_setup(test_many_forwards, nat_setup),
                cmocka_unit_test_setup(test_long_names, nat_setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
