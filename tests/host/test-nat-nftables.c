/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-nftables.c - a guest's table in the real nf_tables, as nft(8) itself sees it; and a
 * kernel that lacks something or changes behind our back. */

#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "nat-tables.h"

#include "nat/nft-netlink.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

/* ---- a kernel of less ability ---- */

static struct {
        bool no_inet_nat, no_nat, no_dnat, no_masquerade, no_library;
        const char *disturb; /* run before each transaction */
} kernel;

/* An attribute of that type and text becomes one that no kernel knows. */
static void spoil(struct nlmsghdr *h, uint16_t type, const char *text) {
        char attribute[32] = {};
        const struct nlattr a = { .nla_len = (uint16_t) (NLA_HDRLEN + strlen(text) + 1),
                                  .nla_type = type };
        char *found;

        memcpy(attribute, &a, sizeof(a));
        memcpy(attribute + sizeof(a), text, strlen(text));
        while ((found = memmem(h, h->nlmsg_len, attribute, a.nla_len)))
                found[sizeof(a)] = 'X';
}

static void lessen(struct nlmsghdr *h) {
        const struct nfgenmsg *g = NLMSG_DATA(h);

        if (h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) &&
            (kernel.no_nat || (kernel.no_inet_nat && g->nfgen_family == NFPROTO_INET)))
                spoil(h, NFTA_CHAIN_TYPE, "nat");
        if (kernel.no_dnat)
                spoil(h, NFTA_EXPR_NAME, "nat");
        if (kernel.no_masquerade)
                spoil(h, NFTA_EXPR_NAME, "masq");
}

/* Before libc's, also for the library that is loaded later: this is how it sends a transaction. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        if (kernel.disturb && system(kernel.disturb) != 0) /* NOLINT(cert-env33-c) */
                abort();
        for (size_t i = 0; i < message->msg_iovlen; i++) {
                struct nlmsghdr *h = message->msg_iov[i].iov_base;
                size_t n = message->msg_iov[i].iov_len;

                for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
                        lessen(h);
        }
        return syscall(SYS_sendmsg, fd, message, flags);
}

void *dlopen(const char *name, int flags) {
        void *(*next)(const char *name, int flags) = dlsym(RTLD_NEXT, "dlopen");

        return kernel.no_library && strstr(name, "libnftables") ? NULL : next(name, flags);
}

static int setup(void **state) {
        memset(&kernel, 0, sizeof(kernel));
        return nat_setup(state);
}

/* ---- as planned ---- */

static uint32_t generation(void) {
        uint32_t g;

        ASSERT_OK(nft_generation(&g));
        return g;
}

static void assert_nothing(void) {
        shell("test -z \"$(nft list ruleset)\"");
}

/* Compares with a file beside this one. */
static void assert_listing(const char *file) {
        shell("nft list chain inet umld UMLD-USER | grep -q 'hook forward priority .* 2'");
        shell("nft -s list ruleset | awk '/^table inet umld {/ { skip = 1 } !skip; /^}/ { skip = 0 "
              "}' | diff %s/%s -",
              getenv("HOST_TESTS"), file);
}

static void test_exact_text(void **state) {
        uint32_t before = generation();

        (void) state;
        assert_int_equal(check(&web), 0);
        assert_int_equal(apply(&web), 1);
        assert_int_equal(generation(), before + 1);
        assert_listing("web.nft");

        /* A second time there is nothing to do. */
        assert_int_equal(apply(&web), 0);
        assert_int_equal(check(&web), 1);
        assert_int_equal(generation(), before + 1);

        assert_int_equal(take_away("web"), 1);
        assert_int_equal(generation(), before + 3); /* and the administrator's empty table */
        assert_int_equal(check(&web), 0);
        assert_int_equal(take_away("web"), 0);
        assert_int_equal(generation(), before + 3);
        assert_nothing();
}

/* Every kind of rule, of both families. */
static const IpAddress public4[] = { { .v4 = { 0x010200c0 } } };
static const IpAddress public6[] = { { .v6 = { { { 0x20, 1, 0x0d, 0xb8, [15] = 9 } } } } };
static const Forward web_port = { FORWARD_TCP, 8080, 8080, 80 };

static NatPlan full_plan(void) {
        NatPlan plan = web;

        plan.forwards = &web_port;
        plan.n_forwards = 1;
        plan.host_access = NAT_HOST_ICMP;
        plan.clamp_mss = true;
        plan.side[NAT_IPV4].host_address.v4.s_addr = htonl(0x0a000001);
        plan.side[NAT_IPV4].public = public4;
        plan.side[NAT_IPV4].n_public = 1;
        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = { { { 0xfd, [15] = 2 } } },
                                         .host_address.v6 = { { { 0xfd, [15] = 1 } } },
                                         .masquerade = true,
                                         .public = public6,
                                         .n_public = 1 };
        return plan;
}

static void test_both_families(void **state) {
        NatPlan plan = full_plan();

        (void) state;
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

/* Before Linux 5.2 there is no nat for both families in one table. */
static void test_no_inet_nat(void **state) {
        NatPlan plan = full_plan();

        (void) state;
        kernel.no_inet_nat = true;
        assert_int_equal(apply(&plan), 1);
        assert_int_equal(check(&plan), 1);
        assert_int_equal(apply(&plan), 0);
        shell("test \"$(nft list tables)\" = 'table inet umld\ntable ip umld-web\ntable ip6 "
              "umld-web'");
        shell("nft list chain ip umld-web UMLD-PRE-web | grep -q 'dnat to 10.0.0.2:80'");
        shell("nft list chain ip6 umld-web UMLD-PRE-web | grep -q 'dnat to \\[fd00::2\\]:80'");
        plan.forwards = &(Forward){ FORWARD_TCP, 30000, 30010, 20000 }; /* in a map */
        assert_int_equal(apply(&plan), 1);
        shell("nft list chain ip umld-web UMLD-PRE-web | tr -d '\\n\\t' | grep -q 'dnat to "
              "10.0.0.2:tcp dport map {.*30010 : 20010'");
        shell("nft list chain ip6 umld-web UMLD-PRE-web | tr -d '\\n\\t' | grep -q 'dnat to "
              "\\[fd00::2\\]:tcp dport map {.*30010 : 20010'");
        shell("nft flush chain ip6 umld-web UMLD-PRE-web");
        assert_int_equal(check(&plan), 0);
        assert_int_equal(apply(&plan), 1);
        /* Both nat hooks, for kernels that need the one to undo what the other does. */
        plan.n_forwards = 0;
        assert_int_equal(apply(&plan), 1);
        shell("nft list chain ip umld-web prerouting | grep -q 'type nat'");
        assert_int_equal(take_away("web"), 1);
        assert_nothing();
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

        (void) state;
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

        (void) state;
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

        (void) state;
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

        (void) state;
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
        (void) state;
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

        (void) state;
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

        (void) state;
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

        (void) state;
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

        (void) state;
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

/* ---- refused ---- */

/* Somebody's transaction comes between our looks: it cannot be told then what is whose. */
static void test_race(void **state) {
        NatRefusal refusal;

        (void) state;
        kernel.disturb = "test -e /run/once || { touch /run/once && nft add table ip theirs; }";
        assert_int_equal(apply(&web), 1);
        assert_int_equal(check(&web), 1);
        shell("nft list table ip theirs >/dev/null");
        /* It ends, though, whoever keeps on. */
        take_away("web");
        kernel.disturb = "nft add table ip x && nft delete table ip x";
        ASSERT_ERROR(nat_apply(&web, &refusal), EAGAIN);
        kernel.disturb = NULL;
        assert_int_equal(apply(&web), 1);
        assert_int_equal(check(&web), 1);
}

static void test_missing_feature(void **state) {
        NatRefusal refusal;
        NatPlan plan = web;

        (void) state;
        kernel.no_masquerade = true;
        assert_true(nat_has_masquerade(NAT_IPV4));
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "statement masquerade");
        assert_int_equal(refusal.table, NAT_TABLE_NAT);
        assert_int_equal(refusal.family, NAT_IPV4);
        assert_false(nat_has_masquerade(NAT_IPV4));
        assert_nothing();
        plan.side[NAT_IPV4].snat_address = public4[0];
        assert_int_equal(apply(&plan), 1);
        /* A failed change leaves the rules that were there. */
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_int_equal(check(&plan), 1);

        /* Only the second family lacks it. */
        plan = full_plan();
        plan.side[NAT_IPV4].masquerade = false;
        ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
        assert_int_equal(refusal.family, NAT_IPV6);

        /* One forward, and many in a map. */
        kernel.no_masquerade = false;
        kernel.no_dnat = true;
        plan = full_plan();
        ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "statement dnat");
        plan.forwards = &(Forward){ FORWARD_TCP, 30000, 31000, 20000 };
        ASSERT_ERROR(nat_apply(&plan, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "statement dnat");

        setup(state);
        kernel.no_nat = true;
        ASSERT_ERROR(nat_apply(&web, &refusal), EOPNOTSUPP);
        assert_string_equal(refusal.what, "chain type nat");
        assert_nothing();
}

static void forbidden(void) {
        NatRefusal refusal;

        assert(setresuid(65534, 65534, 65534) >= 0);
        assert(nat_apply(&web, &refusal) == -EPERM);
        assert(streq(refusal.what, "tables"));
        assert(nat_check(&web, &refusal) == -EPERM);
        assert(nat_remove("web", &refusal) == -EPERM);
}

static void test_forbidden(void **state) {
        (void) state;
        apply(&web);
        in_child(forbidden);
        assert_listing("web.nft");
}

/* Taking away needs no library: it may be gone by then. */
static void test_no_library(void **state) {
        NatPlan fewer = web;
        NatRefusal refusal;

        (void) state;
        apply(&web);
        kernel.no_library = true;
        assert_int_equal(check(&web), 1);
        fewer.n_forwards = 1;
        ASSERT_ERROR(nat_apply(&fewer, &refusal), ENOPKG);
        assert_string_equal(refusal.what, "library libnftables");
        assert_listing("web.nft");
        assert_int_equal(take_away("web"), 1);
        assert_nothing();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_exact_text, setup),
                cmocka_unit_test_setup(test_both_families, setup),
                cmocka_unit_test_setup(test_no_inet_nat, setup),
                cmocka_unit_test_setup(test_foreign_tables_untouched, setup),
                cmocka_unit_test_setup(test_foreign_changes, setup),
                cmocka_unit_test_setup(test_repairs, setup),
                cmocka_unit_test_setup(test_counters, setup),
                cmocka_unit_test_setup(test_user_chain, setup),
                cmocka_unit_test_setup(test_plan_changes, setup),
                cmocka_unit_test_setup(test_two_guests, setup),
                cmocka_unit_test_setup(test_many_forwards, setup),
                cmocka_unit_test_setup(test_names, setup),
                cmocka_unit_test_setup(test_race, setup),
                cmocka_unit_test_setup(test_missing_feature, setup),
                cmocka_unit_test_setup(test_forbidden, setup),
                cmocka_unit_test_setup(test_no_library, setup),
        };

        private_net_enter();
        assert_int_equal(setenv("UMLD_TEST_BACKEND", nat_nftables.name, 1), 0);
        return RUN_TESTS(tests);
}
