/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench-forwards.c - times many port forwards, and counts the commits that they take; run by
 * bench/forwards.
 *
 * Works in whatever network namespace it is started in, which must be one of its own, and prints a
 * line for each measure: NAME MILLISECONDS COMMITS, the medians over all rounds. */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "basic/time-util.h"

#include "nat/nat.h"
#include "nat/nft-netlink.h"
#include "nat/xtables-lock.h"

#include "own-network.h"

enum {
        FORWARDS = 500,
        ROUNDS_MAX = 1000,
        REPLACE = 64, /* IPT_SO_SET_REPLACE, whose header does not go with libc's */
};

static unsigned replacements;

/* In the place of libc's, also for libiptc: a commit is one such call. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
        replacements += level == IPPROTO_IP && option == REPLACE;
        return (int) syscall(SYS_setsockopt, fd, level, option, value, size);
}

/* All commits so far: those to the legacy tables, and the transactions of nf_tables, which the
 * kernel counts by itself. */
static unsigned commits(void) {
        uint32_t generation = 0;

        (void) nft_generation(&generation);
        return replacements + generation;
}

static Nat nat;
static NatPlan plan;
static Forward forwards[FORWARDS];

static int apply(void) {
        NatRefusal refusal;
        int r;

        while ((r = nat.backend->apply(&nat, &plan, &refusal)) == -EINPROGRESS)
                nat_wait(&nat);
        return r;
}

/* Another port for one in the middle, as a reload has it. */
static int change(void) {
        forwards[FORWARDS / 2].guest_first ^= 1;
        return apply();
}

static int look(void) {
        NatRefusal refusal;
        int r = nat.backend->check(&nat, &plan, &refusal);

        return r < 0 ? r : !r;
}

static int take_away(void) {
        NatRefusal refusal;

        return nat.backend->remove(&nat, plan.guest, &refusal);
}

static const struct {
        const char *name;
        int (*run)(void);
        int expected;
} measures[] = {
        { "made", apply, 1 },
        { "found-right", look, 0 },
        { "one-changed", change, 1 },
        { "removed", take_away, 1 },
};

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

static int measure(uint64_t rounds) {
        static double took[ARRAY_SIZE(measures)][ROUNDS_MAX];
        unsigned counted[ARRAY_SIZE(measures)] = {};

        for (uint64_t round = 0; round < rounds; round++)
                for (size_t i = 0; i < ARRAY_SIZE(measures); i++) {
                        unsigned before = commits();
                        usec_t began = now_usec(CLOCK_MONOTONIC);
                        _cleanup_close_ int lock = xtables_lock();
                        int r = lock < 0 ? lock : measures[i].run();

                        took[i][round] = (double) (now_usec(CLOCK_MONOTONIC) - began) / 1000;
                        counted[i] = MAX(counted[i], commits() - before);
                        if (r != measures[i].expected) {
                                fprintf(stderr, "bench-forwards: %s: unexpected result %d\n",
                                        measures[i].name, r);
                                return 1;
                        }
                }
        for (size_t i = 0; i < ARRAY_SIZE(measures); i++) {
                qsort(took[i], rounds, sizeof(double), compare);
                printf("%s %.3f %u\n", measures[i].name, took[i][rounds / 2], counted[i]);
        }
        return 0;
}

int main(int argc, char **argv) {
        uint64_t rounds = 100;

        nat.backend =
                argc == 3 && streq(argv[2], nat_nftables.name) ? &nat_nftables : &nat_iptables;
        if (argc > 3 || (argc >= 2 && parse_unsigned(argv[1], 1, ROUNDS_MAX, &rounds) < 0) ||
            (argc == 3 && !streq(argv[2], nat.backend->name))) {
                fprintf(stderr, "usage: bench-forwards [ROUNDS [iptables | nftables]]\n");
                return 2;
        }
        if (!own_network("forwards"))
                return 1;
        for (size_t i = 0; i < FORWARDS; i++)
                forwards[i] = (Forward){ FORWARD_TCP, (uint16_t) (10000 + i),
                                         (uint16_t) (10000 + i), (uint16_t) (20000 + 2 * i) };
        plan = (NatPlan){ .guest = "bench",
                          .tap = "tap0",
                          .uplink = "venet0",
                          .side[NAT_IPV4].guest_address.v4 = { htonl(0x0a000002) },
                          .side[NAT_IPV4].masquerade = true,
                          .reach = NAT_REACH_INTERNET,
                          .connections = 16384,
                          .has_mac = true,
                          .mac = { 2, [5] = 1 },
                          .forwards = forwards,
                          .n_forwards = FORWARDS };
        return measure(rounds);
}
