/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor.c - THE table of checks, and going through it. */

#include <stdio.h>

#include "api/exit-codes.h"
#include "basic/log.h"
#include "daemon/doctor/doctor.h"

static const Check checks[] = {
        { "host", "rights", check_rights },
        { "host", "versions", check_versions },
        { "host", "service-manager", check_service_manager },
        { "host", "clock", check_clock },
        { "host", "limits", check_limits },
        { "host", "beancounters", check_beancounters },
        { "host", "leftovers", check_leftovers, may_repair_leftovers, repair_leftovers },
        { "processes", "ptrace", check_ptrace },
        { "processes", "yama", check_yama },
        { "processes", "seccomp", check_seccomp },
        { "processes", "namespaces", check_namespaces },
        { "processes", "user-namespaces", check_user_namespaces },
        { "processes", "cgroup", check_cgroup },
        { "memory", "shm", check_shm },
        { "memory", "free", check_memory },
        { "memory", "promises", check_promises },
        { "network", "tun", check_tun, may_repair_tun, repair_tun },
        { "network", "iptables", check_iptables },
        { "network", "nftables", check_nftables },
        { "network", "masquerade", check_rules },
        { "network", "snat", check_snat },
        { "network", "conntrack", check_conntrack, may_repair_conntrack, repair_conntrack },
        { "network", "queue", check_queue },
        { "network", "addresses", check_network },
        { "network", "tap", check_tap },
        { "network", "rules", check_plan },
        { "network", "relays", check_relays },
        { "network", "conditions", check_conditions },
        { "guest", "configuration", check_configuration, may_repair_configuration,
          repair_configuration },
        { "guest", "kernel", check_kernel, may_repair_kernel, repair_kernel },
        { "guest", "libc", check_libc },
        { "guest", "disks", check_disks },
        { "guest", "memory-file", check_backing },
        { "guest", "reach", check_reach },
        { "guest", "confinement", check_confinement },
        { "speed", "system-calls", check_calls, .measures = true },
        { "speed", "boot", check_boot, .measures = true },
};

/* The exit code for a guest that cannot be examined. */
static int begin(Exam *e, const char *name) {
        int r = exam_begin(e, name);

        if (r == -ENOENT) {
                log_error("%s", e->config_error ?: strerror(-r));
                return EXIT_NO_GUEST;
        }
        if (r < 0) {
                log_error_errno(r, "cannot check the host: %m");
                return EXIT_FAILED;
        }
        return EXIT_DONE;
}

int doctor_run(const char *name, bool measure) {
        _cleanup_(exam_done) Exam e = { .measure = measure };
        int r = begin(&e, name);

        if (r != EXIT_DONE)
                return r;
        FOREACH_ELEMENT (c, checks) {
                if (c->measures && !measure)
                        continue;
                e.check = c;
                e.told = false;
                c->look(&e);
                fflush(stdout);
        }
        return e.faults > 0 || e.unseen > 0 ? EXIT_FAILED : EXIT_DONE;
}

int doctor_repair(const char *check, const char *name) {
        _cleanup_(exam_done) Exam e = {};
        int r = begin(&e, name);

        if (r != EXIT_DONE)
                return r;
        FOREACH_ELEMENT (c, checks) {
                e.check = c;
                if (!streq(c->name, check) || !*exam_repair(&e))
                        continue;
                r = c->repair(&e);
                if (r >= 0)
                        return EXIT_DONE;
                log_error_errno(r, "%s: cannot be repaired: %m", check);
                return EXIT_FAILED;
        }
        log_error("%s: there is nothing that umld can repair; see umlctl doctor", check);
        return EXIT_USAGE;
}
