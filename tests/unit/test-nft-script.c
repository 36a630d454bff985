/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nft-script.c - the words of nft(8) for a guest's chains. */

#include "test.h"

#include "basic/cleanup.h"

#include "nat/nft-script.h"

#include <linux/netfilter.h>

static const Forward forwards[] = { { FORWARD_TCP, 8080, 8080, 80 } };
static const Forward guarded[] = { { FORWARD_TCP, 8080, 8080, 8080 } };

static NatPlan small_plan(void) {
        return (NatPlan){
                .guest = "web",
                .tap = "tap0",
                .uplink = "eth0",
                .side[NAT_IPV4].guest_address.v4 = { htonl(0x0a000002) },
                .side[NAT_IPV4].masquerade = true,
                .host_access = NAT_HOST_ALL,
                .reach = NAT_REACH_INTERNET,
                .has_mac = true,
                .mac = { 2, 0, 0, 0, 0, 9 },
                .connections = 1000,
                .fresh = 2000,
                .forwards = forwards,
                .n_forwards = 1,
                .guarded = guarded,
                .n_guarded = 1,
        };
}

static char *script(const NatPlan *plan, bool inet) {
        NatChains chains;
        char *text = NULL;

        ASSERT_OK(nat_chains_plan(&chains, plan));
        ASSERT_OK(nft_script(&chains, "umld-web", inet, &text));
        nat_chains_done(&chains);
        return text;
}

static void test_inet(void **state) {
        const NatPlan plan = small_plan();
        _cleanup_free_ char *text = script(&plan, true);

        assert_string_equal(
                text,
                "add table inet umld-web\n"
                "add quota inet umld-web fresh { until 120000 bytes }\n"
                "add chain inet umld-web UMLD-CNT-web\n"
                "add chain inet umld-web UMLD-FROM-web\n"
                "add chain inet umld-web UMLD-TO-web\n"
                "add chain inet umld-web UMLD-FWD-web\n"
                "add chain inet umld-web UMLD-IN-web\n"
                "add chain inet umld-web UMLD-SND-web\n"
                "add chain inet umld-web UMLD-PRE-web\n"
                "add chain inet umld-web UMLD-POST-web\n"
                "add rule inet umld-web UMLD-CNT-web iifname \"tap0\" ct count over 500 "
                "counter drop\n"
                "add rule inet umld-web UMLD-CNT-web ct count over 1000 counter drop\n"
                "add rule inet umld-web UMLD-CNT-web meta l4proto tcp quota name \"fresh\" counter "
                "return\n"
                "add rule inet umld-web UMLD-CNT-web meta l4proto tcp counter drop\n"
                "add rule inet umld-web UMLD-FROM-web ether saddr != 02:00:00:00:00:09 counter "
                "drop\n"
                "add rule inet umld-web UMLD-FROM-web ip saddr != 10.0.0.2 counter drop\n"
                "add rule inet umld-web UMLD-FROM-web ct state established,related counter return\n"
                "add rule inet umld-web UMLD-FROM-web jump UMLD-CNT-web\n"
                "add rule inet umld-web UMLD-FROM-web ct status dnat counter return\n"
                "add rule inet umld-web UMLD-FROM-web ip daddr 169.254.0.0/16 counter drop\n"
                "add rule inet umld-web UMLD-FROM-web ip daddr 100.100.100.200 counter drop\n"
                "add rule inet umld-web UMLD-FROM-web ip daddr 168.63.129.16 counter drop\n"
                "add rule inet umld-web UMLD-FROM-web ip daddr 192.0.0.192 counter drop\n"
                "add rule inet umld-web UMLD-FROM-web oifname \"eth0\" counter return\n"
                "add rule inet umld-web UMLD-FROM-web counter drop\n"
                "add rule inet umld-web UMLD-TO-web ct state established,related counter return\n"
                "add rule inet umld-web UMLD-TO-web jump UMLD-CNT-web\n"
                "add rule inet umld-web UMLD-TO-web ct status dnat counter return\n"
                "add rule inet umld-web UMLD-TO-web counter drop\n"
                "add rule inet umld-web UMLD-FWD-web iifname \"tap0\" ip saddr 10.0.0.2 counter "
                "accept\n"
                "add rule inet umld-web UMLD-FWD-web oifname \"tap0\" ip daddr 10.0.0.2 ct state "
                "established,related counter accept\n"
                "add rule inet umld-web UMLD-FWD-web oifname \"tap0\" ip daddr 10.0.0.2 ct status "
                "dnat counter accept\n"
                "add rule inet umld-web UMLD-IN-web ether saddr != 02:00:00:00:00:09 counter drop\n"
                "add rule inet umld-web UMLD-IN-web ip saddr != 10.0.0.2 counter drop\n"
                "add rule inet umld-web UMLD-IN-web ct state established,related counter accept\n"
                "add rule inet umld-web UMLD-IN-web jump UMLD-CNT-web\n"
                "add rule inet umld-web UMLD-SND-web ip daddr 10.0.0.2 counter accept\n"
                "add rule inet umld-web UMLD-PRE-web tcp dport 8080 counter return\n"
                "add rule inet umld-web UMLD-PRE-web tcp dport 8080 counter dnat ip to "
                "10.0.0.2:80\n"
                "add rule inet umld-web UMLD-POST-web oifname \"eth0\" ip saddr 10.0.0.2 counter "
                "masquerade\n"
                "add chain inet umld-web forward { type filter hook forward priority -1; policy "
                "accept; }\n"
                "add rule inet umld-web forward iifname \"tap0\" meta nfproto ipv4 jump "
                "UMLD-FROM-web\n"
                "add rule inet umld-web forward oifname \"tap0\" meta nfproto ipv4 jump "
                "UMLD-TO-web\n"
                "add rule inet umld-web forward meta nfproto ipv4 jump UMLD-FWD-web\n"
                "add chain inet umld-web input { type filter hook input priority -1; policy "
                "accept; }\n"
                "add rule inet umld-web input iifname \"tap0\" meta nfproto ipv4 jump UMLD-IN-web\n"
                "add chain inet umld-web output-filter { type filter hook output priority -1; "
                "policy accept; }\n"
                "add rule inet umld-web output-filter oifname \"tap0\" meta nfproto ipv4 jump "
                "UMLD-SND-web\n"
                "add chain inet umld-web prerouting { type nat hook prerouting priority -99; "
                "policy accept; }\n"
                "add rule inet umld-web prerouting iifname \"eth0\" meta nfproto ipv4 jump "
                "UMLD-PRE-web\n"
                "add chain inet umld-web postrouting { type nat hook postrouting priority 101; "
                "policy accept; }\n"
                "add rule inet umld-web postrouting meta nfproto ipv4 jump UMLD-POST-web\n");
}

/* Many forwards of one port each are in maps, one for each protocol; few are not, nor are ranges.
 */
static void test_maps(void **state) {
        static const Forward many[] = {
                { FORWARD_TCP, 8080, 8080, 80 },
                { FORWARD_TCP, 9000, 9100, 9000 },
                { FORWARD_TCP | FORWARD_UDP, 5000, 5003, 6000 },
                { FORWARD_UDP, 53, 53, 53 },
        };
        static const struct {
                size_t rule, place;
        } places[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 5, 2 }, { 6, 3 }, { 9, 3 }, { 10, 3 } };
        NatPlan plan = small_plan();
        _cleanup_free_ char *text = NULL, *fewer = NULL;
        const NatChain *pre;
        NatChains chains;
        size_t all[16];

        plan.forwards = many;
        plan.n_forwards = ARRAY_SIZE(many);
        plan.n_guarded = 0;
        text = script(&plan, true);
        assert_non_null(strstr(text, "PRE-web tcp dport 8080 counter dnat ip to 10.0.0.2:80\n"
                                     "add rule inet umld-web UMLD-PRE-web tcp dport 9000-9100 "
                                     "counter dnat ip to 10.0.0.2\n"
                                     "add rule inet umld-web UMLD-PRE-web tcp dport { 5000, 5001, "
                                     "5002, 5003 } counter dnat ip to 10.0.0.2:tcp dport map { "
                                     "5000 : 6000, 5001 : 6001, 5002 : 6002, 5003 : 6003 }\n"
                                     "add rule inet umld-web UMLD-PRE-web udp dport { 5000, 5001, "
                                     "5002, 5003, 53 } counter dnat ip to 10.0.0.2:udp dport map { "
                                     "5000 : 6000, 5001 : 6001, 5002 : 6002, 5003 : 6003, 53 : 53 "
                                     "}\n"));
        ASSERT_OK(nat_chains_plan(&chains, &plan));
        pre = nat_chain(&chains, NAT_IPV4, NAT_CHAIN_PRE);
        FOREACH_ELEMENT (p, places)
                assert_int_equal(nft_rule_place(pre, p->rule), p->place);
        assert_true(pre->n_rules <= ARRAY_SIZE(all));
        nft_rule_places(pre, all);
        for (size_t i = 0; i < pre->n_rules; i++)
                assert_int_equal(all[i], nft_rule_place(pre, i));
        nat_chains_done(&chains);

        plan.forwards = many + 3;
        plan.n_forwards = 1;
        fewer = script(&plan, true);
        assert_non_null(strstr(fewer, "udp dport 53 counter dnat ip to 10.0.0.2\n"));
}

static void test_held(void **state) {
        NatPlan plan = small_plan();
        _cleanup_free_ char *text = NULL, *split = NULL;

        plan.hold_queue = 40000;
        plan.hold_log = true;
        text = script(&plan, true);
        assert_non_null(strstr(text, "UMLD-HOLD-web ip daddr 10.0.0.2 meta l4proto tcp "
                                     "tcp flags & (syn | rst) == syn ct status dnat "
                                     "counter log group 40000\n"));
        assert_non_null(strstr(text, "add rule inet umld-web UMLD-HOLD-web ip daddr 10.0.0.2 "
                                     "ct status dnat counter queue num 40000 bypass\n"));
        assert_non_null(strstr(text, "add rule inet umld-web mangle oifname \"tap0\" meta nfproto "
                                     "ipv4 ct state new jump UMLD-HOLD-web\n"));
        assert_non_null(strstr(text, "UMLD-SYN-web ip daddr 10.0.0.2 meta l4proto tcp "
                                     "tcp flags & (syn | rst) == syn ct status dnat "
                                     "counter queue num 40000 bypass\n"));
        assert_non_null(strstr(text, "mangle oifname \"tap0\" meta l4proto tcp "
                                     "tcp flags & (syn | rst) == syn meta nfproto ipv4 "
                                     "jump UMLD-SYN-web\n"));
        split = script(&plan, false);
        assert_non_null(strstr(split, "add rule ip umld-web mangle oifname \"tap0\" "
                                      "ct state new jump UMLD-HOLD-web\n"));
}

/* A table for each family, each with both hooks of nat. */
static void test_split(void **state) {
        NatPlan plan = small_plan();
        _cleanup_free_ char *text = NULL;

        plan.n_forwards = plan.n_guarded = 0;
        plan.side[NAT_IPV4].masquerade = false;
        plan.side[NAT_IPV6] =
                (NatSide){ .guest_address.v6 = { { { 0xfd, [15] = 2 } } }, .masquerade = true };
        text = script(&plan, false);
        assert_null(strstr(text, "inet"));
        assert_null(strstr(text, "nfproto"));
        assert_non_null(strstr(text, "add table ip umld-web\n"));
        assert_null(strstr(text, "ip umld-web prerouting"));
        assert_non_null(strstr(text, "add table ip6 umld-web\n"));
        assert_non_null(strstr(text, "add chain ip6 umld-web prerouting { type nat "));
        assert_non_null(strstr(text, "add chain ip6 umld-web postrouting { type nat "));
        assert_non_null(strstr(text, "UMLD-POST-web oifname \"eth0\" ip6 saddr fd00::2 counter "
                                     "masquerade\n"));
}

static void test_names(void **state) {
        static const char *const bad[] = { "a\"b", "eth*", "a\\b" };
        NatChains chains;
        char *text;

        FOREACH_ELEMENT (b, bad) {
                NatPlan plan = small_plan();

                plan.uplink = *b;
                ASSERT_OK(nat_chains_plan(&chains, &plan));
                ASSERT_ERROR(nft_script(&chains, "umld-web", true, &text), EINVAL);
                nat_chains_done(&chains);
        }
}

static void test_nothing(void **state) {
        NatChains chains;
        _cleanup_free_ char *text = NULL;

        nat_chains_init(&chains, "web");
        ASSERT_OK(nft_script(&chains, "umld-web", true, &text));
        assert_string_equal(text, "");
}

static void test_replace(void **state) {
        _cleanup_free_ char *none = NULL, *both = NULL;

        ASSERT_OK(nft_script_replace("X\n", "umld-web", 0, false, &none));
        assert_string_equal(none, "X\n");
        ASSERT_OK(nft_script_replace("X\n", "umld-web", 1U << NFPROTO_INET | 1U << NFPROTO_IPV6,
                                     true, &both));
        assert_string_equal(both, "table inet umld-web\ndelete table inet umld-web\n"
                                  "table ip6 umld-web\ndelete table ip6 umld-web\n"
                                  "add table inet umld\nadd chain inet umld UMLD-USER "
                                  "{ type filter hook forward priority -2; policy accept; }\nX\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_inet),    cmocka_unit_test(test_maps),
                cmocka_unit_test(test_split),   cmocka_unit_test(test_names),
                cmocka_unit_test(test_nothing), cmocka_unit_test(test_replace),
                cmocka_unit_test(test_held),
        };

        return RUN_TESTS(tests);
}
