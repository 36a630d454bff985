/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-foreign.c - a guest's chains in legacy tables among the rules of others. */

#include <stdio.h>

#include "nat-tables.h"

static const char foreign[] =
        "*filter\n"
        ":INPUT ACCEPT [11:1100]\n"
        ":FORWARD DROP [22:2200]\n"
        ":OUTPUT ACCEPT [33:3300]\n"
        ":UMLD-FWD-webby - [0:0]\n"
        ":theirs - [0:0]\n"
        "[5:500] -A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"a b\" -j ACCEPT\n"
        "[6:600] -A FORWARD -i eth+ -j theirs\n"
        "[7:700] -A FORWARD -j REJECT --reject-with icmp-port-unreachable\n"
        "[8:800] -A UMLD-FWD-webby -s 10.0.0.9/32 -j ACCEPT\n"
        "[9:900] -A theirs -m limit --limit 5/min -j LOG\n"
        "COMMIT\n"
        "*nat\n"
        ":PREROUTING ACCEPT [44:4400]\n"
        ":INPUT ACCEPT [0:0]\n"
        ":OUTPUT ACCEPT [0:0]\n"
        ":POSTROUTING ACCEPT [55:5500]\n"
        "[1:100] -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.9\n"
        "[2:200] -A POSTROUTING -s 10.0.0.0/24 ! -o lo -j MASQUERADE\n"
        "COMMIT\n";

/* Foreign rules, chains, policies and every counter stay as they are, while we come, change and go.
 */
static void test_foreign_rules_untouched(void **state) {
        _cleanup_free_ char *before = NULL, *during = NULL, *after = NULL;
        NatPlan fewer = web;

        shell("cat >/run/foreign <<'END'\n%sEND\n", foreign);
        shell("iptables-legacy-restore -c </run/foreign");
        before = shell_output(SAVE_COUNTED);
        assert_string_equal(before, foreign);

        apply(&web);
        fewer.n_forwards = 1;
        apply(&fewer);
        during = shell_output(SAVE_COUNTED " | grep -v -e 'UMLD-[A-Z]*-web\\>' -e UMLD-USER");
        assert_string_equal(during, foreign);
        assert_int_equal(take_away("web"), 1);
        /* There is a guest "webby" for whom the shared chain stays. */
        after = shell_output(SAVE_COUNTED " | grep -v UMLD-USER");
        assert_string_equal(after, foreign);
}

/* In FORWARD before the REJECT; last in nat, behind the administrator's own rules. */
static void test_place_of_jumps(void **state) {
        shell("cat >/run/foreign <<'END'\n%sEND\n", foreign);
        shell("iptables-legacy-restore </run/foreign");
        apply(&web);
        shell("test \"$(iptables-legacy -S FORWARD 1)\" = '-A FORWARD -j UMLD-USER'");
        shell("test \"$(iptables-legacy -S FORWARD 5)\" = '-A FORWARD -j UMLD-FWD-web'");
        shell("iptables-legacy -S FORWARD 6 | grep -q REJECT");
        shell("iptables-legacy -t nat -S PREROUTING 2 | grep -q UMLD-PRE-web");
        shell("iptables-legacy -t nat -S POSTROUTING 2 | grep -q UMLD-POST-web");
        /* Somebody else who comes first later is not fought. */
        shell("iptables-legacy -I FORWARD -i eth9 -j ACCEPT");
        assert_int_equal(apply(&web), 0);
}

/* Where the jump to what accepts comes among foreign rules: behind those that ban some sources, as
 * far as nothing drops everything before them. */
static void test_behind_bans(void **state) {
        static const struct {
                const char *rules; /* of FORWARD */
                unsigned at; /* of the jump, with that to UMLD-USER as the first, and two others
                                behind it */
        } cases[] = {
                { "-s 198.51.100.1 -j DROP", 5 },
                { "-s 198.51.100.0/24 -p tcp -j REJECT", 5 },
                { "! -s 198.51.100.1 -j DROP", 4 },
                { "-d 198.51.100.1 -j DROP", 4 },
                { "-j REJECT", 4 },
                { "-i eth0 -j DROP", 4 },
                { "-m iprange --src-range 198.51.100.1-198.51.100.9 -j DROP", 5 },
                { "-m iprange ! --src-range 198.51.100.1-198.51.100.9 -j DROP", 4 },
                { "-m iprange --dst-range 198.51.100.1-198.51.100.9 -j DROP", 4 },
                { "-m conntrack --ctstate ESTABLISHED -j ACCEPT", 4 },
                { "-m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -s 198.51.100.1 -j "
                  "DROP",
                  6 },
                { "-j DROP\n-A FORWARD -s 198.51.100.1 -j DROP", 4 },
                { "-s 198.51.100.1 -j DROP\n-A FORWARD -j DROP\n-A FORWARD -s 198.51.100.2 -j DROP",
                  5 },
                { "-p tcp -m multiport --dports 80,443 -j f2b", 5 },
                { "-j f2b-idle", 5 },
                { "-j opens", 4 },
                { "-j closes", 4 },
                { "-s 198.51.100.1 -j closes", 5 },
                { "-g f2b", 4 },
                { "-j NFQUEUE", 4 },
        };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_free_ char *text = NULL;

                shell("iptables-legacy -F; iptables-legacy -X; iptables-legacy-restore <<'END'\n"
                      "*filter\n:f2b -\n:f2b-idle -\n:opens -\n:closes -\n-A FORWARD %s\n"
                      "-A f2b -s 198.51.100.7 -j REJECT\n-A f2b -j RETURN\n"
                      "-A f2b-idle -j RETURN\n-A opens -p tcp -j ACCEPT\n"
                      "-A closes -s 198.51.100.9 -j DROP\n-A closes -j DROP\nCOMMIT\nEND",
                      c->rules);
                assert_int_equal(apply(&web), 1);
                text = shell_output("iptables-legacy -S FORWARD %u", c->at);
                if (!streq(text, "-A FORWARD -j UMLD-FWD-web\n"))
                        fail_msg("%s: %u is %s", c->rules, c->at, text);
                shell("test \"$(iptables-legacy -S FORWARD 1)\" = '-A FORWARD -j UMLD-USER'");
                assert_int_equal(check(&web), 1);
                /* What comes later is not fought, wherever it stands. */
                shell("iptables-legacy -I FORWARD -i eth9 -j ACCEPT && iptables-legacy -A FORWARD "
                      "-s 198.51.100.8 -j DROP");
                assert_int_equal(check(&web), 1);
                assert_int_equal(apply(&web), 0);
        }
}

/* What an administrator has put there stays, through repairs and the end of all guests. */
static void test_user_chain(void **state) {
        NatPlan db = web;

        db.guest = "db";
        db.tap = "tap1";
        apply(&web);
        shell("iptables-legacy -A UMLD-USER -s 198.51.100.1 -j DROP");
        assert_int_equal(check(&web), 1);
        assert_int_equal(apply(&db), 1);
        shell("iptables-legacy -F FORWARD");
        assert_int_equal(apply(&web), 1);
        shell("iptables-legacy -C UMLD-USER -s 198.51.100.1 -j DROP");
        assert_int_equal(apply(&db), 1);
        shell("test \"$(iptables-legacy -S FORWARD 1)\" = '-A FORWARD -j UMLD-USER'");
        shell("test $(iptables-legacy -S FORWARD | grep -c UMLD-USER) = 1");
        assert_int_equal(take_away("db"), 1);
        assert_int_equal(take_away("web"), 1);
        shell("iptables-legacy -C FORWARD -j UMLD-USER");
        shell("iptables-legacy -C UMLD-USER -s 198.51.100.1 -j DROP");
        /* Emptied, it goes with the last guest, and not before. */
        apply(&web);
        apply(&db);
        shell("iptables-legacy -F UMLD-USER");
        assert_int_equal(take_away("db"), 1);
        shell("iptables-legacy -C FORWARD -j UMLD-USER");
        assert_int_equal(take_away("web"), 1);
        shell("! iptables-legacy-save | grep UMLD");
        /* Who was there before us may have made it. */
        shell("iptables-legacy -N UMLD-USER && iptables-legacy -A UMLD-USER -s 198.51.100.1 -j "
              "DROP");
        assert_int_equal(apply(&web), 1);
        shell("iptables-legacy -C FORWARD -j UMLD-USER && iptables-legacy -C UMLD-USER -s "
              "198.51.100.1 -j DROP");
}

/* A chain that others refer to could not be deleted. */
static void test_remove_stray_jumps(void **state) {
        apply(&web);
        shell("iptables-legacy -N theirs && iptables-legacy -A theirs -j UMLD-FWD-web && "
              "iptables-legacy -A INPUT -i x -g UMLD-FWD-web && iptables-legacy -A INPUT -j "
              "theirs");
        assert_int_equal(take_away("web"), 1);
        assert_table("filter", "*filter\n"
                               ":INPUT ACCEPT\n"
                               ":FORWARD ACCEPT\n"
                               ":OUTPUT ACCEPT\n"
                               ":theirs -\n"
                               "-A INPUT -j theirs\n"
                               "COMMIT\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_foreign_rules_untouched, nat_setup),
                cmocka_unit_test_setup(test_place_of_jumps, nat_setup),
                cmocka_unit_test_setup(test_behind_bans, nat_setup),
                cmocka_unit_test_setup(test_user_chain, nat_setup),
                cmocka_unit_test_setup(test_remove_stray_jumps, nat_setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
