/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench-setup.c - times a guest's host set-up as umld does it, step by step; run by bench/setup.
 *
 * Works in whatever network namespace it is started in, which must be one of its own, and prints a
 * line for each measure: PASS STEP MICROSECONDS, medians over all rounds. Pass "set-up" begins on
 * an untouched host, pass "read-back" finds everything done. */

#include <arpa/inet.h>
#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "basic/time-util.h"

#include "host/rtnl.h"
#include "host/sysctl.h"
#include "host/tap.h"
#include "nat/nat.h"
#include "nat/xtables-lock.h"

#include "own-network.h"

#define TAP       "tap0"
#define OWNER     65534
#define MAX_ROUND 10000

static const Forward forwards[] = {
        { FORWARD_TCP | FORWARD_UDP, 8000, 10000, 8000 },
        { FORWARD_TCP, 8080, 8080, 80 },
        { FORWARD_TCP, 2222, 2222, 22 },
};

typedef struct Setup {
        Rtnl *rtnl;
        int index;
        Nat nat;
        NatPlan plan;
} Setup;

static int step_tap(Setup *s) {
        return tap_create(TAP, OWNER);
}

static int step_open(Setup *s) {
        return rtnl_open(&s->rtnl);
}

static int step_index(Setup *s) {
        RtnlLink link;
        int r = net_link_get(s->rtnl, TAP, &link);

        if (r >= 0)
                s->index = link.index;
        return r;
}

static int step_alias(Setup *s) {
        return net_link_set_alias(s->rtnl, s->index, "umld:bench");
}

static int step_address(Setup *s) {
        return net_address_set(s->rtnl, s->index, &(IpAddress){ .v4 = { htonl(0x0a000001) } }, 24);
}

static int step_up(Setup *s) {
        return net_link_set_up(s->rtnl, s->index);
}

static int step_neighbour(Setup *s) {
        static const struct ether_addr mac = { { 2, 0, 0, 0, 0, 1 } };

        return net_neighbour_set(s->rtnl, s->index, &s->plan.side[NAT_IPV4].guest_address, &mac);
}

static int step_forwarding(Setup *s) {
        return sysctl_set("net/ipv4/ip_forward", "1");
}

static int step_rules(Setup *s) {
        _cleanup_close_ int lock = xtables_lock();
        NatRefusal refusal;
        int r = lock;

        while (lock >= 0 &&
               (r = s->nat.backend->apply(&s->nat, &s->plan, &refusal)) == -EINPROGRESS)
                nat_wait(&s->nat);
        return r;
}

static const struct {
        const char *name;
        int (*run)(Setup *s);
        bool changes; /* says whether it had to change something */
} steps[] = {
        { "connection", step_open },
        { "tap", step_tap, true },
        { "index", step_index },
        { "alias", step_alias, true },
        { "address", step_address, true },
        { "up", step_up, true },
        { "neighbour", step_neighbour, true },
        { "ip_forward", step_forwarding, true },
        { "rules", step_rules, true },
};

enum { TOTAL = ARRAY_SIZE(steps), N_MEASURES };

typedef enum Pass {
        PASS_SETUP,
        PASS_READ_BACK,
        PASS_MAX,
} Pass;

static uint64_t now_nsec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

/* One pass over all steps; took[] gets nanoseconds. Each step must have something to do, or
 * nothing. */
static int run_pass(Setup *s, Pass pass, uint64_t took[static N_MEASURES]) {
        uint64_t began = now_nsec(), last = began;

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = steps[i].run(s);
                uint64_t now = now_nsec();

                if (r < 0 || (steps[i].changes && r != (pass == PASS_SETUP))) {
                        fprintf(stderr, "bench-setup: %s: unexpected result %d\n", steps[i].name,
                                r);
                        return -EIO;
                }
                took[i] = now - last;
                last = now;
        }
        took[TOTAL] = last - began;
        s->rtnl = rtnl_close(s->rtnl);
        return 0;
}

static int undo(Setup *s) {
        NatRefusal refusal;
        int r = s->nat.backend->remove(&s->nat, s->plan.guest, &refusal);

        if (r >= 0)
                r = tap_remove(TAP);
        return r < 0 ? r : sysctl_set("net/ipv4/ip_forward", "0");
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

static double median_usec(uint64_t *values, size_t n) {
        size_t low = (n - 1) / 2, high = n / 2;

        qsort(values, n, sizeof(*values), compare);
        return (double) (values[low] + values[high]) / 2000;
}

int main(int argc, char **argv) {
        static const char *const passes[PASS_MAX] = { "set-up", "read-back" };
        static uint64_t values[PASS_MAX][N_MEASURES][MAX_ROUND];
        const NatBackend *backend =
                argc == 3 && streq(argv[2], nat_nftables.name) ? &nat_nftables : &nat_iptables;
        Setup s = { .nat.backend = backend,
                    .plan = { .guest = "bench",
                              .tap = TAP,
                              .uplink = "venet0",
                              .side[NAT_IPV4].guest_address.v4 = { htonl(0x0a000002) },
                              .side[NAT_IPV4].masquerade = true,
                              .reach = NAT_REACH_INTERNET,
                              .connections = 16384,
                              .has_mac = true,
                              .mac = { 2, [5] = 1 },
                              .forwards = forwards,
                              .n_forwards = ARRAY_SIZE(forwards) } };
        uint64_t rounds = 200;

        if (!own_network("setup"))
                return 1;
        if (argc > 3 || (argc >= 2 && parse_unsigned(argv[1], 1, MAX_ROUND, &rounds) < 0) ||
            (argc == 3 && !streq(argv[2], backend->name))) {
                fprintf(stderr, "usage: bench-setup [ROUNDS [iptables | nftables]]\n");
                return 2;
        }
        for (uint64_t round = 0; round <= rounds; round++) {
                for (Pass p = 0; p < PASS_MAX; p++) {
                        uint64_t took[N_MEASURES];

                        if (run_pass(&s, p, took) < 0)
                                return 1;
                        for (size_t i = 0; round > 0 && i < N_MEASURES;
                             i++) /* 0 is for warming up */
                                values[p][i][round - 1] = took[i];
                }
                if (undo(&s) < 0)
                        return 1;
        }
        for (Pass p = 0; p < PASS_MAX; p++)
                for (size_t i = 0; i < N_MEASURES; i++)
                        printf("%s %s %.1f\n", passes[p], i == TOTAL ? "total" : steps[i].name,
                               median_usec(values[p][i], rounds));
        return 0;
}
