/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-flow.c - which tracked flows contradict a guest's rules, and which do not. */

#include "test.h"

#include "nat/flow.h"

/* In the order of the network, on a little-endian machine. */
#define A(a, b, c, d)                                                                              \
        {                                                                                          \
                .v4 = {(uint32_t) (d) << 24 | (c) << 16 | (b) << 8 | (a) }                         \
        }
#define GUEST  A(10, 0, 0, 2)
#define TAP    A(10, 0, 0, 1)
#define PUBLIC A(203, 0, 113, 10)
#define GONE   A(203, 0, 113, 9)
#define CLIENT A(198, 51, 100, 1)
#define TUNNEL A(198, 51, 100, 200) /* is reached by another interface than the uplink */

static const IpAddress public[] = { PUBLIC }, own[] = { PUBLIC, TAP };

static const Forward some[] = { { FORWARD_UDP, 5000, 5000, 6000 }, { FORWARD_TCP, 80, 80, 80 } };
static const Forward all[] = { { FORWARD_TCP | FORWARD_UDP, 1, 65535, 1 } };
static const Forward guarded[] = { { FORWARD_TCP, 22, 22, 22 } };

static bool owns(const IpAddress *address, void *userdata) {
        FOREACH_ELEMENT (a, own)
                if (ip_address_equal(a, address))
                        return true;
        return false;
}

static bool leaves(const IpAddress *to, void *userdata) {
        const IpAddress tunnel = TUNNEL;

        return !ip_address_equal(to, &tunnel);
}

static const NatFlowHost host = { owns, leaves, NULL };

static NatPlan plan_of(const Forward *forwards, size_t n) {
        return (NatPlan){
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .side[NAT_IPV4] = { .guest_address = GUEST,
                                    .host_address = TAP,
                                    .masquerade = true,
                                    .public = public,
                                    .n_public = 1 },
                .host_access = NAT_HOST_ICMP,
                .forwards = forwards,
                .n_forwards = n,
                .guarded = guarded,
                .n_guarded = 1,
        };
}

/* Contradicts it the rules of that plan, and what the flows met before? NULL: not known, or none.
 */
static bool judge(const NatPlan *before, const NatPlan *now, const ConntrackFlow *f) {
        NatChains was = {}, is = {};
        bool contradicts;

        if (before)
                ASSERT_OK(nat_chains_plan(&was, before));
        nat_chains_init(&is, "web");
        if (now)
                ASSERT_OK(nat_chains_plan(&is, now));
        contradicts = nat_flow_contradicts(before ? &was : NULL, &is, NAT_IPV4, f, &host);
        nat_chains_done(&was);
        nat_chains_done(&is);
        return contradicts;
}

static ConntrackFlow to_host(uint8_t protocol, uint16_t port) {
        return (ConntrackFlow){ .protocol = protocol,
                                .from = { CLIENT, 33333 },
                                .to = { PUBLIC, port },
                                .reply_from = { PUBLIC, port },
                                .reply_to = { CLIENT, 33333 } };
}

static ConntrackFlow to_guest(uint8_t protocol, uint16_t port, uint16_t guest_port) {
        ConntrackFlow f = to_host(protocol, port);

        f.reply_from = (ConntrackEnd){ GUEST, guest_port };
        f.replied = true;
        return f;
}

static ConntrackFlow from_guest(ConntrackEnd to, ConntrackEnd as) {
        return (ConntrackFlow){ .protocol = IPPROTO_UDP,
                                .from = { GUEST, 4444 },
                                .to = to,
                                .reply_from = to,
                                .reply_to = as };
}

/* Older than the forward, or born while there were no rules. */
static void test_not_forwarded(void **state) {
        const NatPlan plan = plan_of(some, 2), every = plan_of(all, 1);
        ConntrackFlow f = to_host(IPPROTO_UDP, 5000);

        assert_true(judge(NULL, &plan, &f));
        assert_true(judge(&plan, &plan, &f));
        f.replied = true; /* by a service of the host, which has been told to go */
        assert_true(judge(&plan, &plan, &f));
        assert_false(judge(&every, &every, &f)); /* which nobody has named */
        f = to_host(IPPROTO_UDP, 5001);
        assert_false(judge(NULL, &plan, &f));
        assert_true(judge(NULL, &every, &f));
        f = to_host(IPPROTO_TCP, 80);
        assert_true(judge(NULL, &plan, &f));
        f.replied = f.established = true;
        assert_false(judge(NULL, &plan, &f));
        f = to_host(IPPROTO_TCP, 22); /* is guarded */
        assert_false(judge(NULL, &every, &f));
        f = to_host(IPPROTO_UDP, 5000);
        f.to.address = f.reply_from.address = (IpAddress) CLIENT; /* passes through */
        assert_false(judge(NULL, &every, &f));
}

static void test_taken_away(void **state) {
        static const Forward others[] = { { FORWARD_UDP, 5000, 5000, 7000 } };
        const NatPlan plan = plan_of(some, 2), other = plan_of(others, 1), none = plan_of(NULL, 0);
        ConntrackFlow udp = to_guest(IPPROTO_UDP, 5000, 6000), tcp = to_guest(IPPROTO_TCP, 80, 80);

        tcp.established = true;
        assert_false(judge(&plan, &plan, &udp));
        assert_false(judge(&plan, &plan, &tcp));
        assert_false(judge(NULL, &plan, &udp));
        assert_true(judge(&plan, &none, &udp));
        assert_true(judge(&plan, &none, &tcp));
        assert_true(judge(&plan, &other, &udp)); /* to another port of the guest */
        assert_true(judge(&plan, NULL, &udp));   /* the guest is gone */
        assert_false(judge(&none, &none, &udp)); /* an administrator's own forward */
        assert_false(judge(NULL, &none, &udp));
}

static void test_source(void **state) {
        NatPlan plan = plan_of(NULL, 0), snat = plan, none = plan;
        ConntrackFlow good = from_guest((ConntrackEnd){ CLIENT, 53 },
                                        (ConntrackEnd){ PUBLIC, 4444 }),
                      gone = from_guest((ConntrackEnd){ CLIENT, 53 }, (ConntrackEnd){ GONE, 4444 }),
                      bare = from_guest((ConntrackEnd){ CLIENT, 53 },
                                        (ConntrackEnd){ GUEST, 4444 }),
                      beside = from_guest((ConntrackEnd){ TUNNEL, 53 },
                                          (ConntrackEnd){ GUEST, 4444 });

        snat.side[NAT_IPV4].snat_address = (IpAddress) PUBLIC;
        none.side[NAT_IPV4].masquerade = false;
        assert_false(judge(NULL, &plan, &good));
        assert_false(judge(&plan, &plan, &good));
        assert_false(judge(&plan, &snat, &good)); /* which has that address already */
        assert_true(judge(&plan, &none, &good));
        assert_true(judge(&plan, NULL, &good));
        assert_true(judge(NULL, &plan, &gone));
        assert_true(judge(&snat, &snat, &gone));
        assert_true(judge(&plan, &plan, &bare)); /* born while nat was flushed */
        assert_false(judge(&none, &none, &bare));
        assert_false(judge(&plan, &plan, &beside));
        bare.replied = true; /* by a network that knows the guest's address */
        assert_false(judge(&plan, &plan, &bare));
        /* SNATAddress= was changed: that of before does no harm until then. */
        good.reply_to.address = (IpAddress) TAP;
        assert_false(judge(&snat, &snat, &good));
        assert_true(judge(&plan, &snat, &good));
}

static void test_one_arm(void **state) {
        NatPlan plan = plan_of(some, 2), armed = plan;
        ConntrackFlow f = to_guest(IPPROTO_UDP, 5000, 6000);

        armed.one_arm = true;
        assert_true(judge(&plan, &armed, &f));
        assert_true(judge(&armed, &plan, &f));
        assert_false(judge(&armed, &armed, &f));
}

static void test_access(void **state) {
        NatPlan plan = plan_of(NULL, 0), open = plan;
        ConntrackFlow f = from_guest((ConntrackEnd){ TAP, 80 }, (ConntrackEnd){ GUEST, 4444 });

        f.protocol = IPPROTO_TCP;
        f.replied = f.established = true;
        open.host_access = NAT_HOST_ALL;
        assert_true(judge(&open, &plan, &f));
        assert_false(judge(&plan, &open, &f));
        assert_false(judge(&plan, &plan, &f));
        assert_false(judge(NULL, &plan, &f));
        assert_true(judge(&open, NULL, &f)); /* with the guest itself */
}

/* Whoever is neither the guest nor called by it. */
static void test_strangers(void **state) {
        const NatPlan every = plan_of(all, 1);
        const ConntrackFlow f = { .protocol = IPPROTO_UDP,
                                  .from = { PUBLIC, 40000 },
                                  .to = { CLIENT, 53 },
                                  .reply_from = { CLIENT, 53 },
                                  .reply_to = { PUBLIC, 40000 } };

        assert_false(judge(NULL, &every, &f));
        assert_false(judge(&every, NULL, &f));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_not_forwarded), cmocka_unit_test(test_taken_away),
                cmocka_unit_test(test_source),        cmocka_unit_test(test_one_arm),
                cmocka_unit_test(test_access),        cmocka_unit_test(test_strangers),
        };

        return RUN_TESTS(tests);
}
