/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-trip.c - what foreign rules of every kind do to a guest's connections. */

#include <stdio.h>
#include <stdlib.h>

#include "private-net.h"

#include "basic/time-util.h"
#include "facts/obstacle-text.h"
#include "nat/trip.h"

enum {
        NOTHING,
        MAY,
        SURE,
};

static int setup(void **state) {
        private_net_renew();
        shell("ip link add venet0 type veth peer name isp0 && ip tuntap add tap0 mode tap");
        return 0;
}

/* A stranger calls tcp/8080, which leads to port 80 of the guest. */
static Trip trip(NatWay way, NatFamily family) {
        Trip t = { .family = family,
                   .way = way,
                   .tap = "tap0",
                   .uplink = "venet0",
                   .guest = "web",
                   .protocol = IPPROTO_TCP,
                   .host_port = 8080,
                   .guest_port = 80 };

        ASSERT_OK(ip_address_parse(family == NAT_IPV6 ? "fd00::2" : "10.0.0.2", &t.guest_address));
        ASSERT_OK(ip_address_parse(family == NAT_IPV6 ? "2001:db8::10" : "203.0.113.10", &t.host));
        return t;
}

static Obstacles look(const Trip *t, Taking *taking) {
        Obstacles list = {};
        int r = xt_trips(t, 1, &list, taking);

        if (r < 0 && r != -ENOPROTOOPT)
                fail_msg("legacy tables: %s", strerror(-r));
        r = nft_trips(t, 1, &list, taking);
        if (r < 0)
                fail_msg("nf_tables: %s", strerror(-r));
        return list;
}

static int worst(const Obstacles *list) {
        int w = NOTHING;

        for (size_t i = 0; i < list->n; i++)
                w = MAX(w, list->list[i].certain ? SURE : MAY);
        return w;
}

typedef struct Case {
        const char *rules;
        int in, out;
} Case;

/* With every tool that understands them. */
static void run(const char *tool, const Case *cases, size_t n) {
        unsigned wrong = 0;

        for (const Case *c = cases; c < cases + n; c++) {
                const int wanted[] = { c->in, c->out };

                setup(NULL);
                shell("set -e; ipt() { %s \"$@\"; }; %s", tool, c->rules);
                for (NatWay way = 0; way <= NAT_WAY_OUT; way++) {
                        Trip t = trip(way, NAT_IPV4);
                        Obstacles list = look(&t, NULL);

                        if (worst(&list) != wanted[way] && ++wrong)
                                print_error("%s: %s: way %d: %d\n", tool, c->rules, way,
                                            worst(&list));
                }
        }
        assert_int_equal(wrong, 0);
}

/* Real ones of ipset(8). */
#define SETS "ipset create bans hash:net; ipset create pairs hash:ip,port; "

static const Case of_iptables[] = {
        { ":", NOTHING, NOTHING },
        { "ipt -A INPUT -j DROP; ipt -P INPUT DROP; ipt -P OUTPUT DROP", NOTHING, NOTHING },
        { "ipt -P FORWARD DROP", SURE, SURE },
        { "ipt -A FORWARD -j REJECT", SURE, SURE },
        { "ipt -A FORWARD -p udp -j DROP", NOTHING, NOTHING },
        { "ipt -A FORWARD -p tcp --dport 81 -j DROP", NOTHING, MAY },
        { "ipt -A FORWARD -p tcp --dport 80 -j DROP", SURE, MAY },
        { "ipt -A FORWARD -p tcp --dport 79:81 -j DROP", SURE, MAY },
        { "ipt -A FORWARD -p tcp ! --dport 80 -j DROP", SURE, SURE },
        { "ipt -A FORWARD -p tcp -m multiport --dports 22,80 -j DROP", SURE, MAY },
        { "ipt -A FORWARD -p tcp -m multiport --dports 22,443:500 -j DROP", NOTHING, MAY },
        /* before it is forwarded it is another port */
        { "ipt -t mangle -A PREROUTING -p tcp --dport 8080 -j DROP", SURE, MAY },
        { "ipt -t raw -A PREROUTING -i venet0 -p tcp --dport 80 -j DROP", NOTHING, NOTHING },
        { "ipt -t mangle -A FORWARD -i venet0 -j DROP", SURE, SURE }, /* replies as well */
        { "ipt -A FORWARD -i venet1 -j DROP", NOTHING, NOTHING },
        { "ipt -A FORWARD ! -i venet+ -j DROP", SURE, SURE },
        { "ipt -A FORWARD -i ven+ -m conntrack --ctstate NEW -j DROP", SURE, NOTHING },
        { "ipt -A FORWARD -o venet0 -m conntrack --ctstate NEW -j DROP", NOTHING, SURE },
        { "ipt -A FORWARD -m conntrack --ctstate INVALID -j DROP", NOTHING, NOTHING },
        { "ipt -A FORWARD -m state --state NEW -j DROP", SURE, SURE },
        /* bans do not concern a stranger */
        { "ipt -A FORWARD -s 192.0.2.0/24 -j DROP", NOTHING, NOTHING },
        { "ipt -A FORWARD ! -s 192.0.2.0/24 -j DROP", SURE, SURE },
        { SETS "ipt -A FORWARD -m set --match-set bans src -j DROP", NOTHING, NOTHING },
        { SETS "ipt -A FORWARD -m set --match-set pairs src,dst -j DROP", NOTHING, NOTHING },
        { SETS "ipt -A FORWARD -m set ! --match-set bans src -j DROP", SURE, SURE },
        { SETS "ipt -A FORWARD -m set --match-set bans dst -j DROP", MAY, MAY },
        { "ipt -A FORWARD -d 10.0.0.0/8 -j DROP", SURE, SURE },
        /* what is accepted before */
        { "ipt -P FORWARD DROP; ipt -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j "
          "ACCEPT; "
          "ipt -A FORWARD -i tap0 -j ACCEPT; ipt -A FORWARD -m conntrack --ctstate DNAT -j ACCEPT",
          NOTHING, NOTHING },
        { "ipt -P FORWARD DROP; ipt -A FORWARD -i tap0 -j ACCEPT", SURE, SURE },
        { "ipt -P FORWARD DROP; ipt -A FORWARD -i tap0 -j ACCEPT; ipt -A FORWARD -o tap0 -m "
          "conntrack --ctstate DNAT -j ACCEPT",
          NOTHING, SURE },
        { "ipt -A FORWARD -m comment --comment why -m limit --limit 5/s -j ACCEPT; "
          "ipt -A FORWARD -j DROP",
          NOTHING, NOTHING },
        { "ipt -A FORWARD -m length --length 0:500 -j ACCEPT; ipt -A FORWARD -j DROP", MAY, MAY },
        { "ipt -A FORWARD -m length --length 500: -j DROP", MAY, MAY },
        /* chains */
        { "ipt -N a; ipt -N b; ipt -A FORWARD -j a; ipt -A a -p tcp -j b; ipt -A b -j RETURN; "
          "ipt -A a -j DROP",
          SURE, SURE },
        { "ipt -N a; ipt -A FORWARD -g a; ipt -A FORWARD -j DROP; ipt -A a -j RETURN", NOTHING,
          NOTHING },
        { "ipt -N a; ipt -P FORWARD DROP; ipt -A FORWARD -g a; ipt -A FORWARD -j ACCEPT", SURE,
          SURE },
        { "ipt -N a; ipt -A FORWARD -j a; ipt -A FORWARD -j DROP; ipt -A a -j ACCEPT", NOTHING,
          NOTHING },
        { "ipt -N a; ipt -A FORWARD -m length --length 0:9 -j a; ipt -A a -j DROP", MAY, MAY },
        { "ipt -A FORWARD -j LOG; ipt -A FORWARD -j NFQUEUE", MAY, MAY },
        /* our own are none of somebody else's, but UMLD-USER is */
        { "ipt -N UMLD-X-web; ipt -A FORWARD -j UMLD-X-web; ipt -A UMLD-X-web -j DROP", NOTHING,
          NOTHING },
        { "ipt -N UMLD-USER; ipt -A FORWARD -j UMLD-USER; ipt -A UMLD-USER -j DROP", SURE, SURE },
};

static void test_iptables(void **state) {
        run("iptables-legacy", of_iptables, ARRAY_SIZE(of_iptables));
        run("iptables-nft", of_iptables, ARRAY_SIZE(of_iptables));
}

#define FORWARD                                                                                    \
        "nft add table inet own; nft 'add chain inet own f { type filter hook forward "            \
        "priority 0; }'; r() { nft add rule inet own f \"$@\"; }; "

static const Case of_nft[] = {
        { FORWARD, NOTHING, NOTHING },
        { FORWARD "nft 'chain inet own f { policy drop; }'", SURE, SURE },
        { FORWARD "r iifname venet0 reject", SURE, SURE },
        { FORWARD "r iif venet0 ct state new drop", SURE, NOTHING },
        { FORWARD "r iif lo drop", NOTHING, NOTHING },
        { FORWARD "r iifname 'venet*' ct state new drop", SURE, NOTHING },
        { FORWARD "r iifname { lo, venet0 } ct state new drop", SURE, NOTHING },
        { FORWARD "r iifname != { lo, venet0 } ct state new drop", NOTHING, SURE },
        { FORWARD "r tcp dport 80 drop", SURE, MAY },
        { FORWARD "r tcp dport { 22, 443 } drop", NOTHING, MAY },
        { FORWARD "r tcp dport { 22, 79-81 } drop", SURE, MAY },
        { FORWARD "r tcp dport { 22, 81-90 } drop", NOTHING, MAY },
        { FORWARD "r tcp dport 1-79 drop", NOTHING, MAY },
        { FORWARD "r tcp dport 70-99 drop", SURE, MAY },
        { FORWARD "r tcp dport != 70-99 drop", SURE, SURE },
        { FORWARD "r udp dport 80 drop", NOTHING, NOTHING },
        { FORWARD "r meta l4proto { tcp, udp } th dport 80 drop", SURE, MAY },
        { FORWARD "r ip daddr 10.0.0.0/24 tcp dport 80 drop", SURE, NOTHING },
        { FORWARD "r ip saddr 10.0.0.0/24 ct state new drop", NOTHING, SURE },
        { FORWARD "r ip saddr 192.0.2.1 drop", NOTHING, NOTHING },
        { FORWARD "r ip saddr { 192.0.2.1, 198.51.100.0/24 } drop", NOTHING, NOTHING },
        { FORWARD
          "nft 'add set inet own bans { type ipv4_addr; flags interval; }'; nft add element "
          "inet own bans { 192.0.2.0/24, 10.9.0.0/16 }; r ip saddr @bans drop",
          NOTHING, NOTHING },
        /* fields with a stranger's address, or with ranges */
        { FORWARD "r ip saddr . tcp dport { 192.0.2.1 . 80, 198.51.100.7 . 80 } drop", NOTHING,
          NOTHING },
        { FORWARD "r ip saddr . tcp dport { 192.0.2.0/24 . 70-90 } drop", NOTHING, NOTHING },
        { FORWARD "r tcp dport . ip saddr { 70-90 . 192.0.2.0/24 } drop", NOTHING, MAY },
        { FORWARD "r ip saddr . tcp dport { 0.0.0.0-255.255.255.255 . 70-90 } drop", MAY, MAY },
        { FORWARD "r ip saddr . tcp dport vmap { 0.0.0.0-255.255.255.255 . 70-90 : drop }", MAY,
          MAY },
        { FORWARD "r ip saddr vmap { 192.0.2.1 : drop, 198.51.100.7 : accept }", NOTHING, NOTHING },
        { FORWARD "r ip saddr != { 192.0.2.1, 198.51.100.7 } ct state new drop", SURE, SURE },
        { FORWARD "r ip saddr != 192.0.2.0/24 ct state new iif venet0 drop", SURE, NOTHING },
        { FORWARD "r ip6 saddr fd00::/8 drop", NOTHING, NOTHING },
        { FORWARD "r meta nfproto ipv6 drop", NOTHING, NOTHING },
        { FORWARD "r meta nfproto ipv4 drop", SURE, SURE },
        { FORWARD "r meta mark 1 drop", MAY, MAY },
        { FORWARD "r counter limit rate 5/second accept; r log drop", NOTHING, NOTHING },
        { FORWARD "r limit rate over 5/second drop", NOTHING, NOTHING },
        { FORWARD "r tcp flags syn / syn,ack counter drop", SURE, SURE },
        { FORWARD "r ct status dnat accept; r ct state established,related accept; r drop", NOTHING,
          SURE },
        { FORWARD "r ct state vmap { established : accept, related : accept, invalid : drop }; "
                  "r drop",
          SURE, SURE },
        { FORWARD "nft add chain inet own g; nft add rule inet own g drop; r tcp dport vmap { 80 : "
                  "jump g, 81 : accept }",
          SURE, MAY },
        { FORWARD
          "nft add chain inet own g; nft add rule inet own g ct direction reply return; nft "
          "add rule inet own g drop; r iifname vmap { venet0 : goto g }",
          SURE, NOTHING },
        /* names as long as they may be */
        { "l=$(printf %0254d 0); nft add table inet t$l; nft \"add chain inet t$l c$l { type "
          "filter "
          "hook forward priority 0; }\"; nft add chain inet t$l d$l; nft add rule inet t$l c$l "
          "jump d$l; nft add rule inet t$l d$l drop",
          SURE, SURE },
        { FORWARD "r fib saddr . iif oif missing drop", NOTHING, NOTHING },
        { "nft add table ip own; nft 'add chain ip own p { type filter hook prerouting priority "
          "-150; }'; nft add rule ip own p iif venet0 tcp dport 8080 drop",
          SURE, NOTHING },
        { "nft add table ip6 own; nft 'add chain ip6 own f { type filter hook forward priority 0; "
          "policy drop; }'",
          NOTHING, NOTHING },
        { "nft add table inet umld-web; nft 'add chain inet umld-web f { type filter hook forward "
          "priority 0; policy drop; }'",
          NOTHING, NOTHING },
};

static void test_nft(void **state) {
        run("nft", of_nft, ARRAY_SIZE(of_nft));
}

/* An element for all keys that are not in the set. */
static const Case of_catchall[] = {
        { FORWARD "r ip saddr { 192.0.2.1, '*' } drop", SURE, SURE },
        { FORWARD "r ip saddr vmap { 192.0.2.1 : accept, '*' : drop }", SURE, SURE },
        { FORWARD "r ip saddr vmap { 192.0.2.0/24 : drop, '*' : accept }; r drop", NOTHING,
          NOTHING },
        { FORWARD "r iif venet0 ct state new tcp dport vmap { 80 : accept, '*' : drop }", NOTHING,
          NOTHING },
        { FORWARD "r iif venet0 ct state new tcp dport vmap { 81 : accept, '*' : drop }", SURE,
          NOTHING },
        { FORWARD "r iif tap0 ct state new tcp dport vmap { 80 : accept, '*' : drop }", NOTHING,
          MAY },
};

static void test_catchall(void **state) {
        if (system("nft -c 'add table t; add set t s { type ipv4_addr; }; add element t s { * }'"))
                skip(); /* nft is too old for them */
        run("nft", of_catchall, ARRAY_SIZE(of_catchall));
}

/* Bans of very many addresses are no reason to give up. The guest is one of them, or not. */
static void test_bans(void **state) {
        static const struct {
                const char *flags, *extra;
                int wanted;
        } cases[] = {
                { "", "", NOTHING },
                { "", "10.0.0.2", SURE },
                { "flags interval;", "", NOTHING },
                { "flags interval;", "10.0.0.0/24", SURE },
        };

        FOREACH_ELEMENT (c, cases) {
                Trip t = trip(NAT_WAY_IN, NAT_IPV4);
                Obstacles list;

                setup(state);
                shell("{ echo 'table inet own { set bans { type ipv4_addr; %s elements = {'; "
                      "for i in $(seq 0 30); do for j in $(seq 0 200); do "
                      "echo 198.18.$i.$j,; done; done; "
                      "echo '%s };'; echo '}'; "
                      "echo 'chain f { type filter hook forward priority 0;'; "
                      "for i in $(seq 100); do echo 'ip saddr @bans drop'; done; "
                      "echo '}'; echo '}'; } | nft -f -",
                      c->flags, c->extra);
                list = look(&t, NULL);
                assert_int_equal(worst(&list), c->wanted);
        }
}

/* What would take too long for an event loop is given up: not known. */
static void test_time(void **state) {
        Trip t = trip(NAT_WAY_IN, NAT_IPV4);
        usec_t before, taken;
        Obstacles list = {};

        shell("{ echo 'table inet own { set ports { type inet_service . inet_service; elements = "
              "{'; for i in $(seq 60); do seq -f \"$i . %%.0f,\" 60; done; echo '};'; echo '}'; "
              "echo 'chain f { type filter hook forward priority 0;'; "
              "for i in $(seq 2000); do echo 'tcp sport . tcp dport @ports drop'; done; "
              "echo '}'; echo '}'; } | nft -f -");
        before = now_usec(CLOCK_THREAD_CPUTIME_ID);
        ASSERT_ERROR(nft_trips(&t, 1, &list, NULL), ETIME);
        taken = now_usec(CLOCK_THREAD_CPUTIME_ID) - before;
        assert_int_equal(list.n, 0);
        if (taken > 100 * USEC_PER_MSEC)
                fail_msg("it took %u ms", (unsigned) (taken / USEC_PER_MSEC));
}

static void test_ipv6(void **state) {
        Trip t = trip(NAT_WAY_IN, NAT_IPV6);
        Obstacles list;

        shell("iptables-legacy -P FORWARD DROP; iptables-nft -P FORWARD DROP");
        list = look(&t, NULL);
        assert_int_equal(worst(&list), NOTHING);
        shell("ip6tables-legacy -A FORWARD -d fd00::/64 -p tcp --dport 80 -m conntrack --ctstate "
              "NEW -j REJECT");
        list = look(&t, NULL);
        assert_int_equal(worst(&list), SURE);
        shell("ip6tables-legacy -F; nft add table inet own; nft 'add chain inet own f { type "
              "filter hook forward priority 0; }'; nft add rule inet own f ip6 daddr fd00::2 drop");
        list = look(&t, NULL);
        assert_int_equal(worst(&list), SURE);
        assert_int_equal(list.list[0].family, NAT_IPV6);
}

/* Which firewall it is, and where. */
static void test_whose(void **state) {
        static const struct {
                const char *rules, *place;
                Firewall firewall;
        } cases[] = {
                { "iptables-nft -P FORWARD DROP; iptables-nft -N ufw-before-forward; iptables-nft "
                  "-A FORWARD -j ufw-before-forward",
                  "the policy of chain FORWARD of the nftables table ip filter", FIREWALL_UFW },
                { "iptables-legacy -N DOCKER-USER; iptables-legacy -A FORWARD -j DOCKER-USER; "
                  "iptables-legacy -P FORWARD DROP",
                  "the policy of chain FORWARD of the legacy iptables table filter",
                  FIREWALL_DOCKER },
                { "nft add table inet firewalld; nft 'add chain inet firewalld filter_FORWARD { "
                  "type filter hook forward priority 10; }'; nft add rule inet firewalld "
                  "filter_FORWARD "
                  "reject with icmpx admin-prohibited",
                  "a rule in chain filter_FORWARD of the nftables table inet firewalld",
                  FIREWALL_FIREWALLD },
                { "nft add table ip mine; nft 'add chain ip mine f { type filter hook forward "
                  "priority 10; }'; nft add chain ip mine sub; nft add rule ip mine sub drop; nft "
                  "add rule ip mine f jump sub",
                  "a rule in chain sub of the nftables table ip mine", FIREWALL_OTHER },
        };

        FOREACH_ELEMENT (c, cases) {
                Trip t = trip(NAT_WAY_IN, NAT_IPV4);
                _cleanup_free_ char *place = NULL;
                Obstacles list;

                setup(state);
                shell("%s", c->rules);
                list = look(&t, NULL);
                assert_int_equal(list.n, 1);
                place = obstacle_place(&list.list[0]);
                assert_string_equal(place, c->place);
                assert_int_equal(list.list[0].firewall, c->firewall);
        }
}

static void test_taken(void **state) {
        static const struct {
                const char *rules;
                bool taken;
        } cases[] = {
                { ":", false },
                { "ipt -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to 9.9.9.9", true },
                { "iptables-nft -t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 1",
                  true },
                { "ipt -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 10.9.9.9:1", false },
                /* as Docker has it */
                { "iptables-nft -t nat -N DOCKER; iptables-nft -t nat -A PREROUTING -m addrtype "
                  "--dst-type LOCAL -j DOCKER; iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp "
                  "--dport 8080 -j DNAT --to-destination 172.17.0.2:80",
                  true },
                /* behind ours */
                { "ipt -t nat -N UMLD-PRE-web; ipt -t nat -A PREROUTING -j "
                  "UMLD-PRE-web; ipt -t nat -A PREROUTING -p tcp -j DNAT --to 10.9.9.9",
                  false },
                { "nft add table ip o; nft 'add chain ip o p { type nat hook prerouting priority "
                  "-98; }'; nft add rule ip o p tcp dport 8080 dnat to 10.9.9.9",
                  false },
                { "nft add table ip o; nft 'add chain ip o p { type nat hook prerouting priority "
                  "-100; }'; nft add rule ip o p tcp dport 8080 dnat to 10.9.9.9",
                  true },
        };

        FOREACH_ELEMENT (c, cases) {
                Trip t = trip(NAT_WAY_IN, NAT_IPV4);
                Taking taking = {};
                Obstacles list;

                setup(state);
                shell("set -e; ipt() { iptables-legacy \"$@\"; }; %s", c->rules);
                list = look(&t, &taking);
                assert_int_equal(list.n, 0);
                assert_int_equal(taking.taken, c->taken);
        }
}

/* To a relay of umld's, which listens on a port of the host. */
static void test_host(void **state) {
        static const struct {
                const char *rules;
                int wanted;
                const char *remedy;
        } cases[] = {
                { "ipt -P FORWARD DROP", NOTHING, NULL },
                { "ipt -P INPUT DROP", SURE,
                  "iptables-legacy -I INPUT -p tcp --dport 8080 -j ACCEPT" },
                { "ipt -P INPUT DROP; ipt -A INPUT -p tcp --dport 8080 -j ACCEPT", NOTHING, NULL },
                { "iptables-nft -P INPUT DROP; iptables-nft -N ufw-user-input", SURE,
                  "ufw allow 8080/tcp" },
                { "ipt -P OUTPUT DROP", SURE,
                  "iptables-legacy -I OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT" },
                { "ipt -P OUTPUT DROP; ipt -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                  NOTHING, NULL },
                { "nft add table inet firewalld; nft 'add chain inet firewalld filter_INPUT { type "
                  "filter hook input priority 10; policy drop; }'",
                  SURE, "firewall-cmd --permanent --add-port=8080/tcp && firewall-cmd --reload" },
                { "nft add table inet o; nft 'add chain inet o i { type filter hook input priority "
                  "10; policy drop; }'; nft add rule inet o i tcp dport 22 accept",
                  SURE, "nft insert rule inet o i tcp dport 8080 accept" },
        };

        FOREACH_ELEMENT (c, cases) {
                Trip t = trip(NAT_WAY_HOST, NAT_IPV4);
                _cleanup_free_ char *remedy = NULL;
                Obstacles list;

                setup(state);
                shell("set -e; ipt() { iptables-legacy \"$@\"; }; %s", c->rules);
                list = look(&t, NULL);
                if (worst(&list) != c->wanted)
                        fail_msg("%s: %d", c->rules, worst(&list));
                if (c->remedy) {
                        remedy = obstacle_remedy(&list.list[0], "tap0");
                        assert_string_equal(remedy, c->remedy);
                }
        }
}

/* Looking at a host that has no legacy tables in use brings none into use. */
static void test_untouched(void **state) {
        Trip t = trip(NAT_WAY_IN, NAT_IPV4);
        Obstacles list = look(&t, NULL);

        assert_int_equal(list.n, 0);
        shell("test -z \"$(cat /proc/net/ip_tables_names)\"");
}

/* The walk of legacy rules looks at each rule for each packet, within a budget of time. */
static void test_too_many_legacy_rules(void **state) {
        enum { TRIPS = 2000 };
        _cleanup_free_ Trip *trips = calloc(TRIPS, sizeof(*trips));
        Obstacles list = {};

        assert_non_null(trips);
        for (size_t i = 0; i < TRIPS; i++)
                trips[i] = trip(NAT_WAY_IN, NAT_IPV4);
        shell("(echo '*filter'; for i in $(seq 3000); do echo \"-A FORWARD -p tcp --sport $i -j "
              "RETURN\"; done; echo '-A FORWARD -i venet0 -j DROP'; echo COMMIT) | "
              "iptables-legacy-restore");
        ASSERT_OK(xt_trips(trips, 1, &list, NULL));
        assert_int_equal(worst(&list), SURE);
        list.n = 0;
        ASSERT_ERROR(xt_trips(trips, TRIPS, &list, NULL), ETIME);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_iptables, setup),
                cmocka_unit_test_setup(test_nft, setup),
                cmocka_unit_test_setup(test_catchall, setup),
                cmocka_unit_test_setup(test_bans, setup),
                cmocka_unit_test_setup(test_time, setup),
                cmocka_unit_test_setup(test_ipv6, setup),
                cmocka_unit_test_setup(test_whose, setup),
                cmocka_unit_test_setup(test_too_many_legacy_rules, setup),
                cmocka_unit_test_setup(test_taken, setup),
                cmocka_unit_test_setup(test_host, setup),
                cmocka_unit_test_setup(test_untouched, setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
