/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-nftables.c - a guest's table in the real nf_tables, as nft(8) itself sees it. */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nft-tables.h"

#include "nat/nft-netlink.h"

static uint32_t generation(void) {
        uint32_t g;

        ASSERT_OK(nft_generation(&g));
        return g;
}

static void test_exact_text(void **state) {
        uint32_t before = generation();

        assert_int_equal(check(&web), 0);
        assert_int_equal(apply(&web), 1);
        assert_int_equal(generation(), before + 1);
        assert_listing("web.nft");

        /* A second time there is nothing to do. */
        assert_int_equal(apply(&web), 0);
        assert_int_equal(check(&web), 1);
        assert_int_equal(generation(), before + 1);

        assert_int_equal(take_away("web"), 1);
        assert_int_equal(generation(), before + 2); /* with the administrator's empty table */
        assert_int_equal(check(&web), 0);
        assert_int_equal(take_away("web"), 0);
        assert_int_equal(generation(), before + 2);
        assert_nothing();
}

static void test_both_families(void **state) {
        NatPlan plan = full_plan();

        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        assert_listing("both-families.nft");
        plan.side[NAT_IPV6].snat_address = public6[0];
        plan.one_arm = true;
        assert_int_equal(apply(&plan), 1);
        shell("nft list chain inet umld-web UMLD-POST-web-ip6 | grep -q 'snat ip6 to 2001:db8::9' "
              "&& nft list chain inet umld-web UMLD-POST-web | grep -q 'ct status dnat .* snat ip "
              "to 10.0.0.1'");
        plan.side[NAT_IPV6] = (NatSide){};
        assert_int_equal(apply(&plan), 1);
        shell("! nft list ruleset | grep ip6");
        assert_int_equal(take_away("web"), 1);
        assert_nothing();
}

/* Sends a first packet; nobody waits for an answer to it. */
static void try_to_connect(void) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons(9),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        ASSERT_OK(fd);
        (void) connect(fd, (const struct sockaddr *) &to, sizeof(to));
        close(fd);
}

/* New TCP connections use up the number that is allowed, in either form of the table, until as many
 * are allowed again. */
static void test_fresh(void **state) {
        NatPlan plan = full_plan();
        Nat nat = { .backend = &nat_nftables };
        uint64_t used;

        ASSERT_ERROR(nat_nftables.fresh(&nat, "web", false, &used), ENOENT);
        plan.fresh = 5;
        plan.connections = 0;
        for (int form = 0; form < 2; form++) {
                nat.no_inet_nat = nft_kernel.no_inet_nat = form == 1;
                assert_int_equal(apply(&plan), 1);
                shell("nft add chain %s umld-web try '{ type filter hook output priority 0; }' && "
                      "nft add rule %s umld-web try ip protocol tcp jump UMLD-CNT-web",
                      form ? "ip" : "inet", form ? "ip" : "inet");
                shell("ip link set lo up");
                for (int i = 0; i < 7; i++)
                        try_to_connect();
                for (int again = 0; again < 2; again++) {
                        ASSERT_OK(nat_nftables.fresh(&nat, "web", again, &used));
                        assert_int_equal(used, 5);
                }
                ASSERT_OK(nat_nftables.fresh(&nat, "web", false, &used));
                assert_int_equal(used, 0);
                take_away("web");
        }
}

/* ---- others ---- */

static const char foreign[] = "table inet filter {\n"
                              "\tset friends {\n"
                              "\t\ttype ipv4_addr\n"
                              "\t\telements = { 192.0.2.7, 192.0.2.8 }\n"
                              "\t}\n"
                              "\n"
                              "\tchain forward {\n"
                              "\t\ttype filter hook forward priority filter; policy drop;\n"
                              "\t\tip saddr @friends counter packets 5 bytes 500 accept\n"
                              "\t}\n"
                              "}\n"
                              "table ip nat {\n"
                              "\tchain PREROUTING {\n"
                              "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
                              "\t\ttcp dport 8080 counter packets 1 bytes 60 dnat to 10.0.0.9\n"
                              "\t}\n"
                              "}\n"
                              "table inet umld-webby {\n"
                              "\tchain c {\n"
                              "\t}\n"
                              "}\n";

#define WITHOUT_WEB                                                                                \
        "nft list ruleset | awk '/^table .* umld(-web)? {/ { skip = 1 } !skip; /^}/ { skip = 0 }'"

/* Foreign tables, sets, policies and counters stay as they are, while we come, change and go. */
static void test_foreign_tables_untouched(void **state) {
        _cleanup_free_ char *before = NULL, *during = NULL, *after = NULL;
        NatPlan fewer = web;

        shell("nft -f - <<'END'\n%sEND\n", foreign);
        before = shell_output("nft list ruleset");
        assert_string_equal(before, foreign);
        apply(&web);
        fewer.n_forwards = 1;
        apply(&fewer);
        during = shell_output(WITHOUT_WEB);
        assert_string_equal(during, foreign);
        assert_int_equal(take_away("web"), 1);
        /* There is a guest "webby" for whom the administrator's table stays. */
        after = shell_output(WITHOUT_WEB);
        assert_string_equal(after, foreign);
}

/* What others do to theirs is no reason to replace ours. */
static void test_foreign_changes(void **state) {
        uint32_t before;

        apply(&web);
        shell("nft add table inet theirs && nft add chain inet theirs c '{ type filter hook "
              "forward priority 0; }' && nft add rule inet theirs c drop");
        before = generation();
        assert_int_equal(check(&web), 1);
        assert_int_equal(apply(&web), 0);
        assert_int_equal(generation(), before);
        shell("nft delete table inet theirs");
        assert_int_equal(check(&web), 1);
        assert_listing("web.nft");
}

static void test_repairs(void **state) {
        static const char *const damages[] = {
                "flush ruleset",
                "delete table inet umld-web",
                "delete table inet umld",
                "flush table inet umld-web",
                "flush chain inet umld-web UMLD-PRE-web",
                "flush chain inet umld-web prerouting",
                "insert rule inet umld-web UMLD-FWD-web drop",
                "add rule inet umld-web UMLD-FWD-web counter",
                "add chain inet umld-web other",
                "add set inet umld-web other { type ipv4_addr; }",
                "add chain inet umld-web forward { policy drop; }",
                "add table ip umld-web",
                /* The listing is the same, but counters have been reset with the rule. */
                "flush chain inet umld-web UMLD-POST-web; add rule inet umld-web UMLD-POST-web "
                "oifname venet0 ip saddr 10.0.0.2 counter masquerade",
                /* One address is another. */
                "flush chain inet umld-web UMLD-POST-web; add rule inet umld-web UMLD-POST-web "
                "oifname venet0 ip saddr 10.0.0.3 counter masquerade",
        };

        apply(&web);
        FOREACH_ELEMENT (d, damages) {
                uint32_t before;

                shell("nft '%s'", *d);
                before = generation();
                if (check(&web) != 0)
                        fail_msg("not seen: %s", *d);
                assert_int_equal(generation(), before);
                assert_int_equal(apply(&web), 1);
                if (generation() != before + 1)
                        fail_msg("more than one transaction: %s", *d);
                assert_listing("web.nft");
                assert_int_equal(check(&web), 1);
        }
}

/* What an administrator has put there stays, through repairs and the end of all guests. */
static void test_user_chain(void **state) {
        NatPlan db = web;

        db.guest = "db";
        db.tap = "tap1";
        apply(&web);
        shell("nft add rule inet umld UMLD-USER ip saddr 198.51.100.1 drop");
        assert_int_equal(check(&web), 1);
        assert_int_equal(apply(&db), 1);
        shell("nft delete table inet umld-web");
        assert_int_equal(apply(&web), 1);
        assert_int_equal(take_away("db"), 1);
        assert_int_equal(take_away("web"), 1);
        shell("nft list chain inet umld UMLD-USER | grep -q 198.51.100.1");
        /* A set of somebody's is a reason to stay, too. */
        apply(&web);
        shell("nft flush chain inet umld UMLD-USER; nft add set inet umld bans { type ipv4_addr\\; "
              "}");
        assert_int_equal(take_away("web"), 1);
        shell("nft list set inet umld bans");
        shell("nft delete set inet umld bans");
        apply(&web);
        apply(&db);
        assert_int_equal(take_away("db"), 1);
        shell("nft list chain inet umld UMLD-USER");
        assert_int_equal(take_away("web"), 1);
        assert_nothing();
}

/* Packets that are counted are no damage. */
static void test_counters(void **state) {
        apply(&web);
        shell("nft reset counters >/dev/null; nft add table inet x");
        assert_int_equal(check(&web), 1);
        shell("ip link add venet0 type veth peer name other && ip link set venet0 up && ip link "
              "set other up && ip address add 10.0.0.2/24 dev venet0 && ip route add default dev "
              "venet0");
        shell("python3 -c 'import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"
              "\"\", (\"198.51.100.1\", 9))' && nft list chain inet umld-web "
              "UMLD-POST-web | grep -q 'counter packets [1-9]'");
        shell("nft delete table inet x");
        assert_int_equal(check(&web), 1);
}

static void test_plan_changes(void **state) {
        NatPlan other = web;

        apply(&web);
        other.uplink = "eth0";
        assert_int_equal(check(&other), 0);
        assert_int_equal(apply(&other), 1);
        shell("! nft list ruleset | grep venet0");
        /* What is no longer wanted goes, with its chain. */
        other.side[NAT_IPV4].masquerade = false;
        assert_int_equal(apply(&other), 1);
        shell("! nft list ruleset | grep -i post");
        other.n_forwards = 0;
        assert_int_equal(apply(&other), 1);
        shell("! nft list ruleset | grep -i 'type nat'");
        assert_int_equal(apply(&web), 1);
        assert_listing("web.nft");
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
        assert_listing("web.nft");
}

#define COUNT_ELEMENTS "test $(nft list ruleset | grep -o ' : ' | wc -l) "

static void test_many_forwards(void **state) {
        static Forward many[513];
        NatPlan plan = web;
        NatRefusal refusal;
        uint32_t before = generation();

        for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
                many[i] = (Forward){ FORWARD_TCP | FORWARD_UDP, (uint16_t) (1000 + i),
                                     (uint16_t) (1000 + i), (uint16_t) (2000 + i) };
        plan.forwards = many;
        plan.n_forwards = 512;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(generation(), before + 1);
        assert_int_equal(check(&plan), 1);
        shell(COUNT_ELEMENTS "-eq 1024");
        plan.n_forwards = 513;
        ASSERT_ERROR(nat_apply(&plan, &refusal), E2BIG);
        assert_string_equal(refusal.what, "port forwards");
        shell(COUNT_ELEMENTS "-eq 1024");
}

static void test_names(void **state) {
        NatPlan plan = full_plan();
        NatRefusal refusal;

        plan.guest = "fifteen-bytes-x";
        plan.tap = "tap-of-15-bytes";
        plan.uplink = "upl.of@15+bytes";
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        shell("nft list table inet umld-fifteen-bytes-x | grep -q 'iifname \"tap-of-15-bytes\"'");
        shell("nft list table inet umld-fifteen-bytes-x | grep -q 'iifname \"upl.of@15+bytes\"'");
        assert_int_equal(take_away("fifteen-bytes-x"), 1);
        assert_nothing();
        /* What the language has no words for is refused, not guessed at. */
        plan.uplink = "up\" drop";
        ASSERT_ERROR(nat_apply(&plan, &refusal), EINVAL);
        assert_string_equal(refusal.what, "names of interfaces");
        plan.uplink = "up*";
        ASSERT_ERROR(nat_apply(&plan, &refusal), EINVAL);
        assert_nothing();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_exact_text, nft_setup),
                cmocka_unit_test_setup(test_fresh, nft_setup),
                cmocka_unit_test_setup(test_both_families, nft_setup),
                cmocka_unit_test_setup(test_foreign_tables_untouched, nft_setup),
                cmocka_unit_test_setup(test_foreign_changes, nft_setup),
                cmocka_unit_test_setup(test_repairs, nft_setup),
                cmocka_unit_test_setup(test_counters, nft_setup),
                cmocka_unit_test_setup(test_user_chain, nft_setup),
                cmocka_unit_test_setup(test_plan_changes, nft_setup),
                cmocka_unit_test_setup(test_two_guests, nft_setup),
                cmocka_unit_test_setup(test_many_forwards, nft_setup),
                cmocka_unit_test_setup(test_names, nft_setup),
        };

        private_net_enter();
        assert_int_equal(setenv("UMLD_TEST_BACKEND", nat_nftables.name, 1), 0);
        return RUN_TESTS(tests);
}
