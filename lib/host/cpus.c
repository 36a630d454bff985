/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpus.c - how busy the host's CPUs are, and where processes may run. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/as-owner.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "host/cpus.h"

#define PROC_STAT_MAX (1 << 20)

/* "cpu3 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ..." */
static void parse_line(const char *line, CpuTimes *ret) {
        uint64_t user, nice, system, idle, wait = 0, irq = 0, softirq = 0, steal = 0;
        unsigned cpu;

        if (sscanf(line,
                   "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                   " %" SCNu64 " %" SCNu64,
                   &cpu, &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal) < 5 ||
            cpu >= CPUS_MAX)
                return;
        ret->idle[cpu] = idle + wait;
        ret->busy[cpu] = user + nice + system + irq + softirq + steal;
        ret->n = MAX(ret->n, (size_t) cpu + 1);
}

void cpu_times_parse(const char *text, CpuTimes *ret) {
        *ret = (CpuTimes){};
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (!startswith(line, "cpu"))
                        break; /* the CPUs come first */
                if (line[3] != ' ')
                        parse_line(line, ret);
        }
}

int cpu_times_read(CpuTimes *ret) {
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file("/proc/stat", PROC_STAT_MAX, &text);

        if (n < 0)
                return (int) n;
        cpu_times_parse(text, ret);
        return 0;
}

static uint64_t grown(const uint64_t *before, const uint64_t *now, size_t cpu) {
        return now[cpu] > before[cpu] ? now[cpu] - before[cpu] : 0;
}

bool cpu_is_full(const CpuTimes *before, const CpuTimes *now, int cpu) {
        uint64_t idle, busy;

        if (cpu < 0 || (size_t) cpu >= now->n)
                return false;
        idle = grown(before->idle, now->idle, (size_t) cpu);
        busy = grown(before->busy, now->busy, (size_t) cpu);
        return busy > 0 && idle * 9 < busy;
}

int cpu_quietest(const CpuTimes *before, const CpuTimes *now, const cpu_set_t *allowed) {
        uint64_t best = 0;
        int quietest = -1;

        for (size_t cpu = 0; cpu < now->n; cpu++) {
                uint64_t idle = grown(before->idle, now->idle, cpu);

                if (!CPU_ISSET(cpu, allowed) || idle <= best ||
                    idle < grown(before->busy, now->busy, cpu))
                        continue;
                best = idle;
                quietest = (int) cpu;
        }
        return quietest;
}

int cpu_of_process(pid_t pid) {
        cpu_set_t set;

        CPU_ZERO(&set);
        if (sched_getaffinity(pid, sizeof(set), &set) < 0 || CPU_COUNT(&set) != 1)
                return -1;
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
                if (CPU_ISSET(cpu, &set))
                        return cpu;
        return -1;
}

int cpu_waited(const pid_t *pids, size_t n, uint64_t *ret) {
        uint64_t sum = 0;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *line = NULL;
                uint64_t waited;
                char path[40];

                snprintf(path, sizeof(path), "/proc/%d/schedstat", pids[i]);
                if (read_first_line(path, &line) < 0) {
                        if (access("/proc/self/schedstat", F_OK) < 0)
                                return -ENOENT;
                        continue;
                }
                if (sscanf(line, "%*u %" SCNu64, &waited) == 1)
                        sum += waited;
        }
        *ret = sum;
        return 0;
}

static int move_thread(pid_t tid, const void *set) {
        return RET_NERRNO(sched_setaffinity(tid, sizeof(cpu_set_t), set));
}

static void move_process(pid_t pid, const cpu_set_t *set) {
        char path[32];
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;

        snprintf(path, sizeof(path), "/proc/%d/task", pid);
        d = opendir(path);
        while (d && (de = readdir(d))) {
                uint64_t tid;

                if (parse_unsigned(de->d_name, 1, INT32_MAX, &tid) >= 0 &&
                    move_thread((pid_t) tid, set) == -EPERM)
                        (void) as_owner((pid_t) tid, move_thread, set);
        }
}

void cpu_move(const pid_t *pids, size_t n, int cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        for (size_t i = 0; i < n; i++)
                move_process(pids[i], &set);
}

int cpu_stay(void) {
        int cpu = sched_getcpu();
        cpu_set_t set;

        if (cpu < 0)
                return -errno;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        return RET_NERRNO(sched_setaffinity(0, sizeof(set), &set));
}
