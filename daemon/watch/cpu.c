/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu.c - checks now and then whether the guest's CPU has become too busy.
 *
 * First the CPU as a whole is checked, which costs one file, and is all that is done while the
 * guest idles. Only if the CPU is busy, its processes are asked twice how long they had to wait for
 * it: a guest that keeps the CPU busy alone need not move. */

#include "daemon/watch/cpu.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "host/cpus.h"

#define LOOK     (10 * USEC_PER_SEC)
#define ACCURACY USEC_PER_SEC /* combined with other wake-ups */

struct CpuWatch {
        GuestProcess *process;
        sd_event_source *timer;
        CpuTimes seen;
        uint64_t waited; /* nanoseconds, of all its processes */
        usec_t since;    /* when that was read, CLOCK_MONOTONIC; 0 = not at the last check */
};

/* Have they waited for more than a quarter of the time since the last reading? */
static bool had_to_wait(CpuWatch *w, const pid_t *pids, size_t n) {
        usec_t now = now_usec(CLOCK_MONOTONIC), since = w->since;
        uint64_t before = w->waited;

        w->since = cpu_waited(pids, n, &w->waited) < 0 ? 0 : now;
        return since > 0 && w->since > 0 && w->waited > before &&
               (w->waited - before) / 1000 > usec_sub(now, since) / 4;
}

static void look(CpuWatch *w) {
        pid_t main = guest_process_pid(w->process);
        _cleanup_free_ pid_t *pids = NULL;
        int cpu = cpu_of_process(main), n, better;
        cpu_set_t allowed;
        CpuTimes now;

        if (cpu < 0 || cpu_times_read(&now) < 0)
                return;
        if (!cpu_is_full(&w->seen, &now, cpu) ||
            (n = process_descendants(guest_process_containment(w->process)->init, &pids)) <= 0)
                w->since = 0;
        else if (had_to_wait(w, pids, (size_t) n) &&
                 sched_getaffinity(0, sizeof(allowed), &allowed) >= 0 &&
                 (better = cpu_quietest(&w->seen, &now, &allowed)) >= 0) {
                cpu_move(&main, 1, better); /* the parent of the others */
                cpu_move(pids, (size_t) n, better);
                w->since = 0;
                log_info("the guest had to wait for CPU %d, and has been moved to CPU %d", cpu,
                         better);
        }
        w->seen = now;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        look(userdata);
        return timer_arm(s, LOOK);
}

CpuWatch *cpu_watch_free(CpuWatch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}

int cpu_watch_new(sd_event *event, GuestProcess *process, CpuWatch **ret) {
        _cleanup_(cpu_watch_freep) CpuWatch *w = NULL;
        cpu_set_t allowed;
        int r;

        *ret = NULL;
        if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
                return -errno;
        if (CPU_COUNT(&allowed) < 2)
                return 0;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->process = process;
        r = cpu_times_read(&w->seen);
        if (r >= 0)
                r = timer_new(event, "cpu-watch", LOOK, ACCURACY, on_timer, w, &w->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}
