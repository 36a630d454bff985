/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init.c - waits for the guest's init, by the kernel's console and by its mounts. */

#include <stdlib.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/boot/mconsole.h"
#include "daemon/watch/init.h"
#include "host/cpus.h"

#define LOOK_EVERY (2 * USEC_PER_MSEC)
#define ASK_EVERY  (10 * USEC_PER_MSEC)
#define PATIENCE   (10 * USEC_PER_SEC)
#define WAITED_MAX UINT64_C(500000) /* ns, that mean nothing */

enum {
        PIDS_MAX = 32,
};

/* How long init must have lived, in time that the host gave the guest: on a busy host a kernel that
 * is about to panic may have to wait for that. Measured with kernels 6.1 and 7.2: an init that
 * cannot be executed makes the kernel panic within 0.5 ms of its word "Run …". Between the mount
 * and that word lie 1 to 3 ms, or 40 ms where sysctl arguments (FastNetwork=) have it load modules.
 */
#define LIVED_EXECUTED (5 * USEC_PER_MSEC)
#define LIVED_MOUNTED  (100 * USEC_PER_MSEC)

struct InitWatch {
        GuestProcess *process;
        InitListener listener;
        sd_event_source *timer;
        MconsoleCall *call; /* the request for the mounts in progress */
        usec_t began, asked;
        usec_t looked;   /* the last look since the sign was seen, 0 = it was not */
        usec_t lived;    /* how much of the time since then counts */
        uint64_t waited; /* for a CPU, all of the guest's processes, ns, at the last look */
        bool mounted;    /* the answer was that the root is there */
};

bool init_root_is_mounted(const char *mounts, size_t size) {
        static const char on_root[] = " / ", kernels_own[] = " / rootfs ";
        const char *end = mounts + size;
        bool mounted = false;

        /* The last mount on / is the one in force: "rootfs / rootfs rw 0 0" is the kernel's own. */
        for (const char *line = mounts, *next; line < end; line = next + 1) {
                const char *target;

                next = memchr(line, '\n', (size_t) (end - line)) ?: end;
                target = memchr(line, ' ', (size_t) (next - line));
                if (target && memmem(target, (size_t) (next - target), on_root, 3) == target)
                        mounted = memmem(target, (size_t) (next - target), kernels_own,
                                         sizeof(kernels_own) - 1) != target;
        }
        return mounted;
}

static void on_mounts(int error, const char *text, size_t size, bool whole, void *userdata) {
        InitWatch *w = userdata;

        w->call = NULL;
        if (error == 0 && init_root_is_mounted(text, size))
                w->mounted = true;
}

static void ask_for_mounts(InitWatch *w, usec_t now) {
        int fd = -EBADF;

        if (w->call || w->mounted || now < usec_add(w->asked, ASK_EVERY))
                return;
        w->asked = now;
        fd = guest_process_mconsole(w->process);
        if (fd >= 0)
                (void) mconsole_call(sd_event_source_get_event(w->timer), fd, "proc 1/mounts",
                                     on_mounts, w, &w->call);
}

/* How long init must live, now that a sign of it was seen; 0 = none was. */
static usec_t moment_due(const InitWatch *w, usec_t now) {
        if (w->listener.announced(w->listener.userdata))
                return LIVED_EXECUTED;
        if (w->mounted)
                return LIVED_MOUNTED;
        return now >= usec_add(w->began, PATIENCE) ? 1 : 0;
}

/* The kernel's main process and those of its guest's processes. The others are not worth reading
 * all of /proc. */
static size_t guest_pids(const InitWatch *w, pid_t pids[static PIDS_MAX]) {
        _cleanup_free_ char *list = NULL, *path = NULL;
        pid_t main = guest_process_pid(w->process);
        size_t n = 0;
        char *rest, *end;

        pids[n++] = main;
        path = strfmt("/proc/%d/task/%d/children", main, main);
        if (!path || read_file(path, 4096, &list) < 0)
                return n;
        for (rest = list; n < PIDS_MAX; rest = end) {
                long pid = strtol(rest, &end, 10);

                if (end == rest)
                        break;
                pids[n++] = (pid_t) pid;
        }
        return n;
}

/* A look in which one of them had to wait for a CPU does not count. */
static void count_time(InitWatch *w, usec_t now) {
        pid_t pids[PIDS_MAX];
        uint64_t waited = 0;

        (void) cpu_waited(pids, guest_pids(w, pids), &waited);
        if (w->looked > 0 && waited <= w->waited + WAITED_MAX)
                w->lived += now - w->looked;
        w->waited = waited;
        w->looked = now;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        InitWatch *w = userdata;
        usec_t now = now_usec(CLOCK_MONOTONIC), due = moment_due(w, now);

        if (guest_process_panic(w->process)) /* it is ending; on a busy host that takes a while */
                return 0;
        if (due > 0)
                count_time(w, now);
        if (due > 0 && (w->lived >= due || now >= usec_add(w->began, PATIENCE))) {
                w->listener.alive(w->listener.userdata); /* frees the watch */
                return 0;
        }
        ask_for_mounts(w, now);
        return timer_arm(s, LOOK_EVERY);
}

int init_watch_new(sd_event *event, GuestProcess *process, const InitListener *listener,
                   InitWatch **ret) {
        _cleanup_(init_watch_freep) InitWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->process = process;
        w->listener = *listener;
        w->began = now_usec(CLOCK_MONOTONIC);
        r = timer_new(event, "init-watch", LOOK_EVERY, 1, on_timer, w, &w->timer);
        if (r < 0)
                return r;
        /* Messages of the kernel, such as a panic, are read first. */
        (void) sd_event_source_set_priority(w->timer, SD_EVENT_PRIORITY_IDLE);
        *ret = TAKE_PTR(w);
        return 0;
}

InitWatch *init_watch_free(InitWatch *w) {
        if (!w)
                return NULL;
        mconsole_call_free(w->call);
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}
