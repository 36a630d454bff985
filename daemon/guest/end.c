/* SPDX-License-Identifier: GPL-2.0-or-later */
/* end.c - how a boot ended, and what follows from it. */

#include "daemon/guest/parts.h"
#include "host/memfs.h"

GuestEvent guest_decide(Guest *g, Verdict verdict, usec_t run_time) {
        const RestartRule rule = {
                .when = g->config->restart,
                .delay = g->config->restart_delay,
                .delay_max = g->config->restart_delay_max,
                .reset = g->config->restart_reset,
        };

        bool falls_back = guest_note_boot_end(g, verdict, run_time);

        switch (restart_decide(verdict, g->wanted, rule.when)) {
        case DECIDE_DONE:
                return EV_DIED_DONE;
        case DECIDE_FAULT:
                if (!falls_back || rule.when == RESTART_NO)
                        return EV_DIED_FAULT;
                break; /* another kernel may work */
        case DECIDE_AGAIN:
                break;
        }
        if (verdict == VERDICT_STOPPED) { /* a requested restart does not count as a death */
                g->past.delay = 0;
                return EV_DIED_AGAIN;
        }
        g->past.delay = restart_delay(&g->past.deaths, &rule, run_time);
        return EV_DIED_AGAIN;
}

GuestEvent guest_decide_fault(Guest *g, const Fault *f) {
        if (f->verdict == VERDICT_KERNEL)
                return guest_decide(g, VERDICT_KERNEL, 0);
        if (!f->retry || g->config->restart == RESTART_NO)
                return EV_DIED_FAULT;
        return guest_decide(g, VERDICT_NETWORK, 0); /* a fault of the host, not of a boot */
}

/* Now that its memory file is gone. */
static void measure_memory(const Guest *g, Evidence *e) {
        const HostMemory *m = &g->setup->host->memory;
        MemFs fs;

        if (!m->path || m->in_namespace || memfs_measure(m->path, &fs) < 0 || fs.size == 0)
                return;
        e->memory_path = m->path;
        e->memory_size = fs.size;
        e->memory_free = fs.size - MIN(fs.used, fs.size);
        e->memory_need = m->need;
}

void guest_judge_end(Guest *g, Verdict *ret_verdict, char **ret_detail) {
        Evidence e = {
                .booted = guest_process_booted(g->boot.process),
                .asked = g->stop.asked,
                .panic = guest_process_panic(g->boot.process),
                .console = console_tail(g->console),
                .stop_step = guest_stop_name(g),
                .stop_clean = guest_stop_is_clean(g),
                .hung_why = g->stop.why ?: "not ready in time",
        };
        int error;
        const char *failure = guest_process_failure(g->boot.process, &error);

        if (failure && guest_process_refused(g->boot.process)) {
                *ret_verdict = VERDICT_USAGE;
                *ret_detail =
                        strfmt("Required=%s: this host refuses that layer of confinement: %s; "
                               "remove it from Required= to start the guest without it",
                               guest_process_refused(g->boot.process), strerror(error));
                return;
        }
        if (failure) {
                *ret_verdict = error == ENOENT || error == EACCES || error == ENOEXEC
                                       ? VERDICT_KERNEL
                                       : VERDICT_EXIT;
                *ret_detail = strfmt("%s: %s failed: %s", config_kernel(g->config), failure,
                                     strerror(error));
                return;
        }
        measure_memory(g, &e);
        e.have_status = guest_process_status(g->boot.process, &e.status);
        if (verdict_judge(&e, ret_verdict, ret_detail) < 0) {
                *ret_verdict = VERDICT_EXIT;
                *ret_detail = NULL;
        }
}
