/* SPDX-License-Identifier: GPL-2.0-or-later */
/* freeze.c - a running guest that stands still for a moment. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "api/guest-state.h"
#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "umlctl/bus-client.h"
#include "umlctl/freeze.h"
#include "umlctl/mconsole-call.h"
#include "umlctl/say.h"

#define SYNC_LIMIT (10 * USEC_PER_SEC)
#define SYNC_LOOK  (50 * USEC_PER_MSEC)

enum {
        WAKE_TRIES = 20,
};

/* ---- the waker ---- */

static int order(const char *guest, const char *command) {
        _cleanup_free_ char *answer = NULL, *why = NULL;

        return mconsole_call(guest, command, &answer, &why);
}

/* Nobody is left whom a failure could be told. */
static int wake(void *userdata) {
        const Freeze *f = userdata;
        char byte;

        while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
                ;
        for (int i = 0; i < WAKE_TRIES; i++) {
                if (order(f->guest, "go") >= 0)
                        return 0;
                (void) usleep(250 * USEC_PER_MSEC);
        }
        return 1;
}

static int start_waker(Freeze *f) {
        _cleanup_close_ int reading = -EBADF;
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        reading = ends[0];
        f->alive = ends[1];
        const int fds[] = { reading, -1, STDERR_FILENO };

        r = spawn(&(const Spawn){ .run = wake,
                                  .userdata = f,
                                  .fds = fds,
                                  .n_fds = ARRAY_SIZE(fds),
                                  .session = true },
                  &f->waker);
        return r;
}

/* ---- writing what is in memory ---- */

/* "Dirty:   12 kB" in /proc/meminfo; true: there is none of it. */
static bool is_zero(const char *meminfo, const char *key) {
        const char *p = strstr(meminfo, key);
        unsigned long n = 1;

        return p && sscanf(p + strlen(key), " %lu", &n) == 1 && n == 0;
}

/* The kernel syncs in the background. A guest that writes all the time never gets done, so this has
 * an end; its journal makes a whole of what is there then. */
static void sync_disks(const char *guest) {
        usec_t limit = now_usec(CLOCK_MONOTONIC) + SYNC_LIMIT;

        (void) order(guest, "sysrq s");
        while (now_usec(CLOCK_MONOTONIC) < limit) {
                _cleanup_free_ char *answer = NULL, *why = NULL;

                (void) usleep(SYNC_LOOK);
                if (mconsole_call(guest, "proc meminfo", &answer, &why) < 0 ||
                    (is_zero(answer, "Dirty:") && is_zero(answer, "Writeback:")))
                        return;
        }
}

/* ---- whether it stands still ---- */

static int look(const char *guest, usec_t limit, FreezeSight *ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_t *props = NULL;
        const char *health;
        pid_t pid = 0;
        int r;

        r = bus_connect(guest, limit, &bus, &pid);
        if (r >= 0)
                r = bus_get_properties(bus, limit, &props);
        if (r < 0)
                return r;
        health = prop_string(props, UMLD_PROP_HEALTH);
        *ret = (FreezeSight){ .pid = prop_number(props, UMLD_PROP_PID),
                              .restarts = prop_number(props, UMLD_PROP_RESTARTS),
                              .frozen = health &&
                                        streq(health, guest_health_to_string(HEALTH_FROZEN)) };
        json_decref(props);
        return 0;
}

/* A copy of images that were written meanwhile is torn. */
static bool stood_still(const Freeze *f) {
        FreezeSight now;

        return look(f->guest, BUS_ORDER_LIMIT, &now) >= 0 && now.pid == f->seen.pid &&
               now.restarts == f->seen.restarts && (now.frozen || !f->seen.frozen);
}

/* ---- both ---- */

int freeze_begin(Freeze *f, const char *guest) {
        _cleanup_free_ char *answer = NULL, *why = NULL;
        int r;

        f->guest = guest;
        sync_disks(guest);
        r = start_waker(f);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot be frozen for the copy: %s", guest,
                                 strerror(-r));
        f->since = now_usec(CLOCK_MONOTONIC);
        r = mconsole_call(guest, "stop", &answer, &why);
        if (r >= 0)
                r = look(guest, BUS_ANSWER_LIMIT, &f->seen);
        if (r >= 0)
                return 0;
        freeze_done(f);
        return fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "%s: cannot be frozen for the copy: %s", guest, why ?: strerror(-r));
}

static int end(Freeze *f) {
        int r = 0;

        f->alive = safe_close(f->alive);
        if (f->waker > 0)
                r = spawn_wait_exit(f->waker);
        f->waker = 0;
        return r;
}

int freeze_end(Freeze *f, usec_t *ret_took) {
        bool still = stood_still(f);
        int r = end(f);

        *ret_took = now_usec(CLOCK_MONOTONIC) - f->since;
        if (!still)
                return fail_with(EXIT_FAILED,
                                 "%s: did not stay frozen while its images were copied; export it "
                                 "again",
                                 f->guest);
        return r == 0 ? 0
                      : fail_with(EXIT_FAILED,
                                  "%s: is still frozen; thaw it with: umlctl mconsole %s go",
                                  f->guest, f->guest);
}

void freeze_done(Freeze *f) {
        (void) end(f);
}
