/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat-try.c - makes the rules of a guest in a network namespace that nobody else sees. */

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>

#include "basic/child.h"
#include "basic/cleanup.h"
#include "nat/nat-try.h"

#define PATIENCE (15 * USEC_PER_SEC) /* modules may have to be loaded */

typedef struct Attempt {
        const NatBackend *backend;
        bool snat;
} Attempt;

/* Addresses for documentation, which nobody has (RFC 5737). */
static int make(const Attempt *a, NatRefusal *refusal) {
        Forward forward = {};
        const char *why;
        NatPlan plan = { .guest = "doctor",
                         .tap = "tap-doctor",
                         .uplink = "lo",
                         .forwards = &forward,
                         .n_forwards = 1,
                         .reach = NAT_REACH_INTERNET };
        NatSide *side = &plan.side[NAT_IPV4];
        Nat nat = { .backend = a->backend };
        int r = forward_parse("tcp/8080:80", &forward, &why);

        side->guest_address.v4.s_addr = inet_addr("192.0.2.2");
        side->host_address.v4.s_addr = inet_addr("192.0.2.1");
        side->masquerade = true;
        if (a->snat)
                side->snat_address.v4.s_addr = inet_addr("198.51.100.1");
        if (r < 0)
                return r;
        while ((r = nat.backend->apply(&nat, &plan, refusal)) == -EINPROGRESS)
                nat_wait(&nat);
        return r;
}

/* Says "ERRNO WHAT". */
static int run(int output, void *userdata) {
        const Attempt *a = userdata;
        NatRefusal refusal = {};
        int r = RET_NERRNO(unshare(CLONE_NEWNET));

        r = r < 0 ? -ENOTUNIQ : make(a, &refusal);
        dprintf(output, "%d %s", MIN(r, 0), refusal.what ?: "");
        return 0;
}

int nat_try(const NatBackend *backend, bool snat, char ret_what[static NAT_TRY_WHAT_MAX]) {
        Attempt attempt = { .backend = backend, .snat = snat };
        _cleanup_(child_done) Child child = {};
        int at = 0, error, r;

        r = child_start(&child, &(const ChildWish){ .run = run,
                                                    .userdata = &attempt,
                                                    .patience = PATIENCE,
                                                    .keep = NAT_TRY_WHAT_MAX,
                                                    .session = true });
        if (r >= 0)
                r = child_wait(&child);
        if (r < 0)
                return r;
        if (sscanf(child.said, "%d %n", &error, &at) != 1)
                return -EIO; /* it crashed, or ran out of memory */
        snprintf(ret_what, NAT_TRY_WHAT_MAX, "%s", child.said + at);
        return error;
}
