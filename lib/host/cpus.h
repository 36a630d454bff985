/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which of the host's CPUs a guest runs on.
 *
 * A UML kernel of one processor runs one thing at a time: itself, or the host process of one of its
 * own processes, to and fro with every system call. Where both are on one CPU that is a switch;
 * where the scheduler has spread them over two it is an interrupt from one CPU to the other and a
 * wake-up from idle, several times slower (measured on a 2-core VM by bench/one-cpu: system calls
 * 5 to 8 times, fork and exec 2 to 4 times). */

#include <sched.h>

#include "basic/macro.h"

enum {
        CPUS_MAX = 256, /* those beyond are not looked at */
};

/* What the CPUs have done since the host's boot, in clock ticks. */
typedef struct CpuTimes {
        size_t n;
        uint64_t idle[CPUS_MAX], busy[CPUS_MAX];
} CpuTimes;

/* Pure: from the text of /proc/stat. CPUs that are off-line stay 0. */
void cpu_times_parse(const char *text, CpuTimes *ret);
int cpu_times_read(CpuTimes *ret);

/* Pure: has this CPU had less than a tenth of the time between two looks for itself? */
bool cpu_is_full(const CpuTimes *before, const CpuTimes *now, int cpu);

/* Pure: the CPU of the set that was idle longest between two looks, or -1 where none was for at
 * least half of the time. */
int cpu_quietest(const CpuTimes *before, const CpuTimes *now, const cpu_set_t *allowed);

/* The only CPU that this process may use, or -1 where there are several or it is gone. */
int cpu_of_process(pid_t pid);

/* How long the processes have waited for a CPU in their lives, in nanoseconds. -ENOENT: this host
 * does not count that. */
int cpu_waited(const pid_t *pids, size_t n, uint64_t *ret);

/* Lets all threads of these processes run on that CPU only. The first ones come first: let that be
 * who starts the others. Those that are gone are passed over. */
void cpu_move(const pid_t *pids, size_t n, int cpu);

/* The calling thread, and whom it starts, stay on the CPU on which it is now: where the scheduler
 * put it as it was made. */
int cpu_stay(void);
