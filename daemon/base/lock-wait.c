/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lock-wait.c - waits for a lock, and finds out who holds it. */

#include <stdio.h>

#include "daemon/base/lock-wait.h"
#include "host/file-lock.h"

/* Most locks are held for a millisecond or two, and the search for the holder reads all of /proc.
 */
#define MOMENT     (100 * USEC_PER_MSEC)
#define LOOK_EVERY USEC_PER_SEC

static void look_for_holder(LockWait *w, const char *path) {
        char comm[16];
        pid_t pid;

        if (file_lock_holder(path, &pid, comm) > 0)
                snprintf(w->holder, sizeof(w->holder), ", held by pid %d (%s)", (int) pid, comm);
        else
                snprintf(w->holder, sizeof(w->holder),
                         ", held by a process that is not visible from here");
}

int lock_wait(LockWait *w, Verdict verdict, const char *what, const char *path, Fault *f) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (w->since == 0)
                w->since = now;
        if (usec_sub(now, w->since) >= MOMENT && usec_sub(now, w->looked) >= LOOK_EVERY) {
                look_for_holder(w, path);
                w->looked = now;
        }
        return fault_wait(f, verdict, -EBADF, "%s%s", what, w->holder);
}

void lock_had(LockWait *w) {
        *w = (LockWait){};
}
