/* SPDX-License-Identifier: GPL-2.0-or-later */
/* as-owner.c - acts on a process as the user that it runs as. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/as-owner.h"

/* Of this thread alone, as setresuid(3) is not. The real and the saved user stay: whoever is the
 * effective one meanwhile may not signal us, and the way back needs no capability. */
static int set_effective(uid_t uid) {
        return syscall(SYS_setresuid, -1, uid, -1) < 0 ? -errno : 0;
}

/* /proc/PID itself is owned by the effective user of the process, dumpable or not. */
static int find_owner(pid_t pid, uid_t *ret) {
        struct stat st;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d", abs(pid));
        if (stat(path, &st) < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        *ret = st.st_uid;
        return 0;
}

int as_owner(pid_t pid, int (*fn)(pid_t pid, const void *userdata), const void *userdata) {
        int dumpable = prctl(PR_GET_DUMPABLE), r;
        uid_t own = geteuid(), owner = own;

        r = find_owner(pid, &owner);
        if (r < 0)
                return r;
        r = set_effective(owner);
        if (r < 0)
                return r;
        r = fn(pid, userdata);
        if (set_effective(own) < 0)
                abort(); /* cannot be: it is the real user, or the saved one */
        /* A change of user takes it away, and with it our own /proc/PID from other umlds. */
        if (dumpable == 1)
                (void) prctl(PR_SET_DUMPABLE, 1);
        return r;
}

static int send_signal(pid_t pid, const void *userdata) {
        return RET_NERRNO(kill(pid, *(const int *) userdata));
}

int process_signal(pid_t pid, int sig) {
        int r = send_signal(pid, &sig);

        return r == -EPERM ? as_owner(pid, send_signal, &sig) : r;
}
