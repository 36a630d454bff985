/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setup.c - the order of set-up and undo. */

#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/host/host.h"
#include "host/guest-uid.h"
#include "host/lock.h"

#define SWEEP_TIMEOUT (5 * USEC_PER_SEC)

/* What looks comes before what changes, so that most faults leave the host untouched. */
static const struct {
        const char *name;
        int (*up)(Host *h, Fault *f);
        void (*down)(Host *h);
        bool check;  /* up() looks only, or knows h->quiet */
        bool before; /* also at a restart to be done before the kernel runs; the rest is looked
                        after behind it */
} steps[] = {
        { "kernel", host_kernel_up, NULL, true, true },
        { "user", host_user_up, host_user_down, true, true },
        { "disks", host_disks_up, host_disks_down, true, true },
        { "memory", host_memory_up, host_memory_down, true, true },
        { "tap", host_tap_up, host_tap_down, true, false },
        { "reach", host_reach_up, NULL, true, false },
        { "tun", host_tun_up, host_tun_down, false, true },
        { "forwarding", host_forwarding_up, host_forwarding_down, false, false },
        { "forwarding6", host_forwarding6_up, host_forwarding6_down, false, false },
        { "rules", host_rules_up, host_rules_down, true, false },
        { "relays", host_relays_up, host_relays_down, true, false },
        { "cgroup", host_cgroup_up, host_cgroup_down, false, false },
};

bool host_guest_alive(const char *name, void *userdata) {
        _cleanup_free_ char *lock = strfmt("%s/%s/lock", (const char *) userdata, name);

        return !lock || pid_lock_held(lock);
}

void host_drop_mount_ns(Host *h) {
        h->mount_ns_fd = safe_close(h->mount_ns_fd);
        if (h->tun_access == TUN_OWN_NODE)
                h->tun_access = TUN_UNKNOWN;
}

Host *host_free(Host *h) {
        if (!h)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++)
                safe_close(h->disk_fds[i]);
        safe_close(h->cgroup_fd);
        safe_close(h->mount_ns_fd);
        rtnl_close(h->rtnl);
        uml_kernel_free(h->kernel);
        guard_done(&h->guard);
        free(h->warned);
        FOREACH_ELEMENT (lacking, h->lacking)
                free(*lacking);
        ledger_done(&h->ledger);
        free(h->directory);
        free(h->shared);
        free(h->uml_dir);
        free(h->cpu_fix);
        free(h->console_fix);
        host_memory_done(&h->memory);
        free(h);
        return NULL;
}

int host_new(const Config *config, const char *runtime, Host **ret) {
        _cleanup_(host_freep) Host *h = calloc(1, sizeof(*h));
        _cleanup_free_ char *undo = NULL;
        const char *session = getenv("SSH_CONNECTION"); /* of who started us by hand */
        int r;

        if (!h)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++)
                h->disk_fds[i] = -EBADF;
        h->cgroup_fd = h->mount_ns_fd = -EBADF;
        h->config = config;
        h->directory = strfmt("%s/%s", runtime, config->name);
        h->shared = strfmt("%s/.shared", runtime);
        h->uml_dir = strfmt("%s/%s/uml", runtime, config->name);
        undo = strfmt("%s/%s/undo", runtime, config->name);
        if (!h->directory || !h->shared || !h->uml_dir || !undo)
                return -ENOMEM;
        r = ledger_load(undo, &h->ledger);
        if (r < 0)
                return r;
        r = rtnl_open(&h->rtnl);
        if (r < 0)
                return r;
        if (session && guard_add_session(&h->guard, session) == -ENOMEM)
                return -ENOMEM;
        *ret = TAKE_PTR(h);
        return 0;
}

typedef enum Pass {
        PASS_CHECK,  /* look only */
        PASS_BEFORE, /* at a restart, before the kernel runs */
        PASS_BEHIND, /* at a restart, behind its start */
        PASS_ALL,
} Pass;

static int run_steps(Host *h, Pass pass, Fault *fault) {
        h->quiet = pass == PASS_CHECK;
        FOREACH_ELEMENT (s, steps) {
                int r;

                if ((pass == PASS_CHECK && !s->check) || (pass == PASS_BEFORE && !s->before) ||
                    (pass == PASS_BEHIND && s->before))
                        continue;
                r = s->up(h, fault);
                if (r < 0) {
                        if (!fault->text) /* the step had no memory for a sentence */
                                return fault_set(fault, VERDICT_EXIT, true, r, "%s: %m", s->name);
                        return r;
                }
        }
        return 0;
}

int host_up(Host *h, Fault *fault) {
        int r = run_steps(h, PASS_ALL, fault);

        h->is_up = r >= 0;
        return r;
}

int host_up_again(Host *h, Fault *fault) {
        return h->is_up ? run_steps(h, PASS_BEFORE, fault) : host_up(h, fault);
}

int host_verify(Host *h, Fault *fault) {
        return run_steps(h, PASS_BEHIND, fault);
}

int host_check(Host *h, Fault *fault) {
        return run_steps(h, PASS_CHECK, fault);
}

void host_down(Host *h) {
        h->left_behind = false;
        for (size_t i = ARRAY_SIZE(steps); i-- > 0;)
                if (steps[i].down)
                        steps[i].down(h);
        if (!h->left_behind)
                ledger_clear(&h->ledger);
        h->is_up = h->rules = false;
}

void host_sweep(Host *h) {
        const Ledger *l = &h->ledger;
        int r = 0;

        if (!l->tap && !l->cgroup && !l->mount && l->n_owners == 0)
                return;
        h->rules = true;
        log_notice("undoing what an umld that was killed left on the host");
        /* A user of somebody else's may have processes of his own. */
        if (l->user >= GUEST_UID_FIRST && l->user <= GUEST_UID_LAST)
                r = process_kill_user(l->user, SWEEP_TIMEOUT);
        if (r < 0)
                log_warning_errno(r, "processes of the guest may be left, going on: %m");
        host_down(h);
}
