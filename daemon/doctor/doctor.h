/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umld --doctor: can this host run a guest, and how well? THE table of checks is in doctor.c; each
 * is a function that tells what it has found. They change nothing on the host. */

#include "daemon/doctor/exam.h"

typedef struct Check {
        const char *group, *name;
        void (*look)(Exam *e);
        /* What umld can do about what was found, "" = nothing; and doing it. NULL: never anything.
         */
        const char *(*may_repair)(const Exam *e);
        int (*repair)(Exam *e);
        bool measures; /* takes its time */
} Check;

/* Prints the findings; name: NULL = of no guest. Returns the exit code: EXIT_FAILED if there is a
 * fault, or if only root can tell whether there is one. */
int doctor_run(const char *name, bool measure);

/* Mends what the check of that name has found, and returns the exit code. */
int doctor_repair(const char *check, const char *name);

/* checks-host.c */
void check_rights(Exam *e);
void check_versions(Exam *e);
void check_service_manager(Exam *e);
void check_clock(Exam *e);
void check_limits(Exam *e);
void check_leftovers(Exam *e);
void check_beancounters(Exam *e);

/* checks-process.c */
void check_ptrace(Exam *e);
void check_yama(Exam *e);
void check_seccomp(Exam *e);
void check_namespaces(Exam *e);
void check_user_namespaces(Exam *e);
void check_cgroup(Exam *e);

/* checks-memory.c */
void check_shm(Exam *e);
void check_memory(Exam *e);
void check_promises(Exam *e);

/* checks-net.c */
void check_tun(Exam *e);
void check_iptables(Exam *e);
void check_nftables(Exam *e);
void check_rules(Exam *e);
void check_snat(Exam *e);
void check_conntrack(Exam *e);
void check_queue(Exam *e);
void check_network(Exam *e);
void check_tap(Exam *e);
void check_plan(Exam *e);
void check_relays(Exam *e);
void check_conditions(Exam *e);

/* checks-guest.c */
void check_configuration(Exam *e);
void check_kernel(Exam *e);
void check_libc(Exam *e);
void check_disks(Exam *e);
void check_backing(Exam *e);
void check_reach(Exam *e);
void check_confinement(Exam *e);

/* speed.c */
void check_calls(Exam *e);
void check_boot(Exam *e);

/* repair.c */
const char *may_repair_tun(const Exam *e);
int repair_tun(Exam *e);
const char *may_repair_conntrack(const Exam *e);
int repair_conntrack(Exam *e);
const char *may_repair_kernel(const Exam *e);
int repair_kernel(Exam *e);
const char *may_repair_configuration(const Exam *e);
int repair_configuration(Exam *e);
const char *may_repair_leftovers(const Exam *e);
int repair_leftovers(Exam *e);
