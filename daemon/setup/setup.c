/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setup.c - the table of steps, and the order of set-up and undo. */

#include <poll.h>

#include "basic/child.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/host/disks.h"
#include "daemon/host/files.h"
#include "daemon/host/hostfs.h"
#include "daemon/net/addresses.h"
#include "daemon/net/forwarding.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/life.h"
#include "daemon/net/ndp.h"
#include "daemon/net/relays.h"
#include "daemon/net/rules.h"
#include "daemon/net/tap.h"
#include "daemon/setup/setup.h"
#include "host/guest-uid.h"

#define SETUP_PATIENCE (20 * USEC_PER_SEC)
#define UNDO_PATIENCE  (10 * USEC_PER_SEC)

/* A step belongs to the host or to the network, depending on which pair of functions it has. Steps
 * that only check come before those that change something, so that most faults leave the host
 * untouched. */
static const struct {
        const char *name;
        int (*host_up)(Host *h, Fault *f);
        int (*host_down)(Host *h, Fault *f);
        int (*net_up)(Net *net, Fault *f);
        int (*net_down)(Net *net, Fault *f);
        bool check;  /* up() only checks, or knows Host.quiet */
        bool look;   /* it is also done for a guest that is adopted, but a fault is no reason to end
                        that */
        bool before; /* at a restart it also has to be done before the kernel runs; other steps are
                        checked after its start */
        bool ahead;  /* not a step, but the first call of one below, which goes on meanwhile: it
                        begins what that step waits for */
} steps[] = {
#define HOST(up, down) .host_up = up, .host_down = down
#define NET(up, down)  .net_up = up, .net_down = down
        { "layers", HOST(jail_layers_up, NULL), .check = true, .look = true, .before = true },
        { "files", HOST(files_up, files_down), .check = true, .look = true, .before = true },
        { "kernel", HOST(kernel_up, NULL), .check = true, .look = true, .before = true },
        { "user", HOST(jail_user_up, jail_user_down), .check = true, .before = true },
        { "namespaces", HOST(jail_net_up, NULL), .ahead = true },
        { "disks", HOST(disks_up, disks_down), .check = true, .before = true },
        { "memory", HOST(memory_up, memory_down), .check = true, .before = true },
        { "network", NET(net_addresses_up, net_addresses_down), .check = true },
        { "tap", NET(net_tap_up, net_tap_down), .check = true },
        { "access", HOST(jail_reach_up, NULL), .ahead = true },
        { "net", HOST(jail_net_up, jail_net_down), .before = true },
        { "dumpable", HOST(jail_dumpable_up, NULL), .before = true },
        { "tun", HOST(jail_tun_up, jail_tun_down), .before = true },
        { "tree", HOST(jail_tree_up, NULL), .before = true },
        { "hostfs", HOST(hostfs_up, NULL), .before = true },
        { "forwarding", NET(net_forwarding_up, net_forwarding_down) },
        { "forwarding6", NET(net_forwarding6_up, net_forwarding6_down) },
        { "ndp", NET(net_ndp_up, net_ndp_down) },
        { "rules", NET(net_rules_up, net_rules_down), .check = true },
        { "reach", HOST(jail_reach_up, NULL), .check = true },
        { "cgroup", HOST(jail_cgroup_up, jail_cgroup_down) },
        { "relays", NET(net_relays_up, net_relays_down), .check = true },
        { "required", HOST(layers_required_up, NULL), .check = true, .before = true },
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

/* ---- one step after the other ---- */

static bool is_due(size_t step, SetupKind kind) {
        if (steps[step].ahead)
                return kind == SETUP_ALL;
        switch (kind) {
        case SETUP_CHECK:
                return steps[step].check;
        case SETUP_BEFORE:
                return steps[step].before;
        case SETUP_BEHIND:
                return !steps[step].before;
        case SETUP_ADOPT:
                return steps[step].look || !steps[step].before;
        case SETUP_DOWN_HOST:
                return !steps[step].net_up;
        case SETUP_DOWN_TAP:
                return steps[step].net_up != net_rules_up && steps[step].net_up != net_relays_up;
        case SETUP_ALL:
        case SETUP_DOWN:
        case SETUP_SWEEP:
                break;
        }
        return true;
}

/* A step that does not say what it waits for has found the lock of shared settings held by another
 * umld. */
static int wait_for_shared(Host *h, Fault *f) {
        _cleanup_free_ char *path = strfmt("%s/lock", h->shared);

        return lock_wait(&h->shared_wait, VERDICT_NETWORK, "the lock of what guests share",
                         path ?: h->shared, f);
}

static int finish_step(Setup *s, const char *name, int r, Fault *f) {
        if (r == -EAGAIN && !f->text)
                return wait_for_shared(s->host, f);
        lock_had(&s->host->shared_wait);
        if (r < 0 && !f->text) /* the step ran out of memory for the sentence */
                return fault_set(f, VERDICT_EXIT, true, r, "%s: %m", name);
        return MIN(r, 0);
}

static int step_up(Setup *s, size_t step, Fault *f) {
        int r = steps[step].host_up ? steps[step].host_up(s->host, f)
                                    : steps[step].net_up(s->net, f);

        if (steps[step].ahead && r == -EAGAIN) {
                fault_done(f);
                return 0;
        }
        return finish_step(s, steps[step].name, r, f);
}

static int step_down(Setup *s, size_t step, Fault *f) {
        int r = steps[step].host_down  ? steps[step].host_down(s->host, f)
                : steps[step].net_down ? steps[step].net_down(s->net, f)
                                       : 0;

        return finish_step(s, steps[step].name, r, f);
}

static void pass_over(Fault *f) {
        log_warning("%s", f->text ?: "out of memory");
        fault_done(f);
}

static int go_up(Setup *s, SetupPass *pass, Fault *f) {
        s->host->quiet = pass->kind == SETUP_CHECK;
        for (; pass->next < ARRAY_SIZE(steps); pass->next++) {
                int r = is_due(pass->next, pass->kind) ? step_up(s, pass->next, f) : 0;

                if (r < 0 && r != -EAGAIN && pass->kind == SETUP_ADOPT && steps[pass->next].look)
                        pass_over(f);
                else if (r < 0)
                        return r;
        }
        if (pass->kind == SETUP_ALL || pass->kind == SETUP_ADOPT)
                s->host->is_up = true;
        return 0;
}

/* ---- undo ---- */

static bool is_left_behind(const Ledger *l) {
        return l->tap || l->cgroups.n > 0 || l->mount || l->n_owners > 0;
}

/* Ends the processes that a killed umld left. A user that umld did not allocate may have processes
 * of its own. */
static int end_processes(const Ledger *l, Fault *f) {
        int r = 0;

        if (l->user >= GUEST_UID_FIRST && l->user <= GUEST_UID_LAST)
                r = process_kill_user(l->user);
        if (r > 0)
                return fault_wait(f, VERDICT_EXIT, -EBADF,
                                  "%d processes that a killed umld has left, of user %u, to end", r,
                                  (unsigned) l->user);
        if (r < 0)
                log_warning_errno(
                        r, "some processes of the guest may still be running, continuing: %m");
        return 0;
}

/* A killed process may still use what is undone next. */
static int wait_for_killed(Fault *f) {
        size_t n = children_collect();

        return n == 0 ? 0
                      : fault_wait(f, VERDICT_EXIT, -EBADF,
                                   "%zu processes, which were killed, to end", n);
}

/* In reverse order; a step that fails has logged that, and the others are undone nevertheless. */
static int undo_steps(Setup *s, SetupPass *pass, Fault *f) {
        for (; pass->next < ARRAY_SIZE(steps); pass->next++) {
                const size_t step = ARRAY_SIZE(steps) - 1 - pass->next;
                int r = is_due(step, pass->kind) ? step_down(s, step, f) : 0;

                if (r == -EAGAIN)
                        return r;
                fault_done(f);
                pass->left = MIN(r, pass->left);
        }
        if (pass->left >= 0 && pass->kind == SETUP_DOWN_HOST)
                ledger_forget_host(&s->host->ledger);
        else if (pass->left >= 0)
                ledger_clear(&s->host->ledger);
        if (pass->kind == SETUP_DOWN || pass->kind == SETUP_SWEEP)
                s->net->rules = false;
        s->net->stray = pass->kind == SETUP_DOWN_TAP;
        return 0;
}

static int go_down(Setup *s, SetupPass *pass, Fault *f) {
        bool sweep = pass->kind == SETUP_SWEEP;
        int r;

        if (pass->stage == STAGE_BEGIN) {
                bool needless = sweep && (s->swept || !is_left_behind(&s->host->ledger));

                s->swept = true; /* from now on the ledger is ours */
                if (needless)
                        return 0;
                if (sweep)
                        log_notice("cleaning up after a killed umld");
                s->net->rules |= sweep; /* there may be some that are not in the ledger */
                s->host->is_up = s->host->quiet = false;
                pass->stage = STAGE_PROCESSES;
        }
        if (pass->stage == STAGE_PROCESSES) {
                r = sweep ? end_processes(&s->host->ledger, f) : wait_for_killed(f);
                if (r < 0)
                        return r;
                pass->stage = STAGE_STEPS;
        }
        return undo_steps(s, pass, f);
}

/* ---- a pass ---- */

static bool is_undo(const SetupPass *pass) {
        return pass->kind == SETUP_DOWN || pass->kind == SETUP_DOWN_HOST ||
               pass->kind == SETUP_DOWN_TAP || pass->kind == SETUP_SWEEP;
}

int setup_go(Setup *s, SetupPass *pass, Fault *fault) {
        return is_undo(pass) ? go_down(s, pass, fault) : go_up(s, pass, fault);
}

/* A disk lock has to be waited for, and what is done after the start of a guest is no reason to end
 * it. */
bool setup_waits_on(const SetupPass *pass, usec_t waited, const Fault *wait) {
        usec_t patience = is_undo(pass) ? UNDO_PATIENCE : SETUP_PATIENCE;

        return wait->verdict == VERDICT_DISK || pass->kind == SETUP_BEHIND || waited < patience;
}

int setup_give_up(SetupPass *pass, usec_t waited, const Fault *wait, Fault *ret) {
        const char *what = wait->text ?: "something", *span;

        waited = waited / USEC_PER_SEC * USEC_PER_SEC;
        span = FORMAT_TIMESPAN(waited);
        if (!is_undo(pass))
                return fault_set(ret, wait->verdict, true, -ETIMEDOUT,
                                 "timed out after %s of waiting for %s; find out what holds it, "
                                 "and end that",
                                 span, what);
        log_warning("timed out after %s of waiting for %s; what could not be undone is left for "
                    "the next start",
                    span, what);
        if (pass->stage == STAGE_PROCESSES)
                pass->stage = STAGE_STEPS;
        else
                pass->next++;
        pass->left = -ETIMEDOUT;
        return 0;
}

/* One step of a check. */
static int examine(Setup *s, size_t step, Fault *f) {
        usec_t since = now_usec(CLOCK_MONOTONIC);
        int r;

        while ((r = step_up(s, step, f)) == -EAGAIN &&
               now_usec(CLOCK_MONOTONIC) < usec_add(since, UNDO_PATIENCE)) {
                struct pollfd p = { .fd = f->wake_fd > 0 ? f->wake_fd : -1, .events = POLLIN };

                fault_done(f);
                (void) poll(&p, 1, 1);
        }
        return r;
}

/* Files that are not there cannot be reached by the guest's user either: that is not reported. */
static bool rests_on_failed(size_t step, bool host_failed, bool net_failed) {
        return steps[step].net_up ? net_failed
                                  : host_failed && steps[step].host_up == jail_reach_up;
}

void setup_examine(Setup *s, SetupExamined fn, void *userdata) {
        bool host_failed = false, net_failed = false;

        s->host->quiet = true;
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                _cleanup_(fault_done) Fault f = {};
                int r;

                if (!steps[i].check)
                        continue;
                r = rests_on_failed(i, host_failed, net_failed) ? -ECANCELED : examine(s, i, &f);
                net_failed |= steps[i].net_up && r < 0;
                host_failed |= steps[i].host_up && r < 0;
                fn(steps[i].name, r, &f, userdata);
        }
}

int setup_wait(Setup *s, SetupKind kind, Fault *f) {
        SetupPass pass = { .kind = kind };
        usec_t since = now_usec(CLOCK_MONOTONIC);
        int r;

        while ((r = setup_go(s, &pass, f)) == -EAGAIN) {
                struct pollfd p = { .fd = f->wake_fd > 0 ? f->wake_fd : -1, .events = POLLIN };
                usec_t waited = usec_sub(now_usec(CLOCK_MONOTONIC), since);
                _cleanup_(fault_done) Fault wait = *f;

                *f = (Fault){};
                if (waited < UNDO_PATIENCE)
                        (void) poll(&p, 1, 1);
                else if ((r = setup_give_up(&pass, waited, &wait, f)) < 0)
                        return r;
        }
        return r;
}
