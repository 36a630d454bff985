/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which CPU of the host a guest runs on.
 *
 * A UML kernel with one CPU runs one thing at a time: itself, or the host process that represents
 * one of its own processes, and switches between them with every system call. If both are on one
 * CPU, this is a context switch; if the scheduler has placed them on two, it is an interrupt from
 * one CPU to the other and a wake-up from idle, which is several times slower (measured on a 2-core
 * VM by bench/one-cpu: system calls 5 to 8 times, fork and exec 2 to 4 times). */

#include <sched.h>

#include "basic/macro.h"

enum {
        CPUS_MAX = 256, /* those beyond are ignored */
};

/* CPU times since the host was booted, in clock ticks. */
typedef struct CpuTimes {
        size_t n;
        uint64_t idle[CPUS_MAX], busy[CPUS_MAX];
} CpuTimes;

/* Pure: parses the text of /proc/stat. CPUs that are off-line stay 0. */
void cpu_times_parse(const char *text, CpuTimes *ret);
int cpu_times_read(CpuTimes *ret);

/* Pure: was this CPU used by other processes for more than nine tenths of the time between two
 * readings? */
bool cpu_is_full(const CpuTimes *before, const CpuTimes *now, int cpu);

/* Pure: the CPU of the set that was idle longest between two readings, or -1 if none was for at
 * least half of the time. */
int cpu_quietest(const CpuTimes *before, const CpuTimes *now, const cpu_set_t *allowed);

/* The only CPU that this process may use, or -1 if there are several or it is gone. */
int cpu_of_process(pid_t pid);

/* How long the processes have waited for a CPU in total, in nanoseconds. -ENOENT: this host does
 * not count that. */
int cpu_waited(const pid_t *pids, size_t n, uint64_t *ret);

/* Pins all threads of these processes to that CPU, in this order, so the first ones should be those
 * that start the others. Processes that are gone are skipped. */
void cpu_move(const pid_t *pids, size_t n, int cpu);

/* Pins the calling thread, and thereby its children, to the CPU it is running on, where the
 * scheduler put it when it was created. */
int cpu_stay(void);
