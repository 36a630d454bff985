/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setup.c - the table of steps, and the order of set-up and undo. */

#include "daemon/setup/setup.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/time-util.h"
#include "daemon/host/disks.h"
#include "daemon/net/addresses.h"
#include "daemon/net/forwarding.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/relays.h"
#include "daemon/net/rules.h"
#include "daemon/net/tap.h"
#include "host/guest-uid.h"

#define SWEEP_TIMEOUT (5 * USEC_PER_SEC)

/* A step belongs to the host or to the network, depending on which pair of functions it has. Steps
 * that only check come before those that change something, so that most faults leave the host
 * untouched. */
static const struct {
        const char *name;
        int (*host_up)(Host *h, Fault *f);
        int (*host_down)(Host *h);
        int (*net_up)(Net *net, Fault *f);
        int (*net_down)(Net *net);
        bool check;  /* up() only checks, or knows Host.quiet */
        bool before; /* at a restart it also has to be done before the kernel runs; other steps are
                        checked after its start */
} steps[] = {
#define HOST(up, down) .host_up = up, .host_down = down
#define NET(up, down)  .net_up = up, .net_down = down
        { "kernel", HOST(kernel_up, NULL), .check = true, .before = true },
        { "user", HOST(jail_user_up, jail_user_down), .check = true, .before = true },
        { "disks", HOST(disks_up, disks_down), .check = true, .before = true },
        { "memory", HOST(memory_up, memory_down), .check = true, .before = true },
        { "network", NET(net_addresses_up, net_addresses_down), .check = true },
        { "tap", NET(net_tap_up, net_tap_down), .check = true },
        { "reach", HOST(jail_reach_up, NULL), .check = true },
        { "tun", HOST(jail_tun_up, jail_tun_down), .before = true },
        { "forwarding", NET(net_forwarding_up, net_forwarding_down) },
        { "forwarding6", NET(net_forwarding6_up, net_forwarding6_down) },
        { "rules", NET(net_rules_up, net_rules_down), .check = true },
        { "relays", NET(net_relays_up, net_relays_down), .check = true },
        { "cgroup", HOST(jail_cgroup_up, jail_cgroup_down) },
#undef HOST
#undef NET
};

Setup *setup_free(Setup *s) {
        if (!s)
                return NULL;
        net_free(s->net);
        host_free(s->host);
        free(s);
        return NULL;
}

int setup_new(Config *config, const char *runtime, Setup **ret) {
        _cleanup_(setup_freep) Setup *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        r = host_new(config, runtime, &s->host);
        if (r >= 0)
                r = net_new(s->host, &s->net);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

typedef enum Pass {
        PASS_CHECK,  /* only check */
        PASS_BEFORE, /* at a restart, before the kernel runs */
        PASS_BEHIND, /* at a restart, after its start */
        PASS_ALL,
} Pass;

static bool is_due(size_t step, Pass pass) {
        switch (pass) {
        case PASS_CHECK:
                return steps[step].check;
        case PASS_BEFORE:
                return steps[step].before;
        case PASS_BEHIND:
                return !steps[step].before;
        case PASS_ALL:
                break;
        }
        return true;
}

static int step_up(Setup *s, size_t step, Fault *fault) {
        int r = steps[step].host_up ? steps[step].host_up(s->host, fault)
                                    : steps[step].net_up(s->net, fault);

        if (r < 0 && !fault->text) /* the step ran out of memory for the sentence */
                return fault_set(fault, VERDICT_EXIT, true, r, "%s: %m", steps[step].name);
        return r;
}

static int run_steps(Setup *s, Pass pass, Fault *fault) {
        int r = 0;

        s->host->quiet = pass == PASS_CHECK;
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++)
                if (is_due(i, pass))
                        r = step_up(s, i, fault);
        return MIN(r, 0);
}

int setup_up(Setup *s, Fault *fault) {
        int r = run_steps(s, PASS_ALL, fault);

        s->host->is_up = r >= 0;
        return r;
}

int setup_up_again(Setup *s, Fault *fault) {
        return s->host->is_up ? run_steps(s, PASS_BEFORE, fault) : setup_up(s, fault);
}

int setup_verify(Setup *s, Fault *fault) {
        return run_steps(s, PASS_BEHIND, fault);
}

int setup_check(Setup *s, Fault *fault) {
        return run_steps(s, PASS_CHECK, fault);
}

static int step_down(Setup *s, size_t step) {
        if (steps[step].host_down)
                return steps[step].host_down(s->host);
        return steps[step].net_down ? steps[step].net_down(s->net) : 0;
}

int setup_down(Setup *s) {
        int left = 0;

        for (size_t i = ARRAY_SIZE(steps); i-- > 0;)
                left = MIN(step_down(s, i), left);
        if (left >= 0)
                ledger_clear(&s->host->ledger);
        s->host->is_up = false;
        return left;
}

void setup_sweep(Setup *s) {
        const Ledger *l = &s->host->ledger;
        int r = 0;

        if (!l->tap && !l->cgroup && !l->mount && l->n_owners == 0)
                return;
        s->net->rules = true; /* whether there are any nobody has noted */
        log_notice("cleaning up after a killed umld");
        /* A user that is not allocated by us may have processes of his own. */
        if (l->user >= GUEST_UID_FIRST && l->user <= GUEST_UID_LAST)
                r = process_kill_user(l->user, SWEEP_TIMEOUT);
        if (r < 0)
                log_warning_errno(
                        r, "some processes of the guest may still be running, continuing: %m");
        (void) setup_down(s);
}
