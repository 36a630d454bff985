/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail.c - drops privileges before untrusted input is read. */

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "imager/jail.h"

enum {
        NOBODY = 65534,
};

/* Decompressors use windows of up to 2 GiB if the input says so; directories are kept in memory. */
#define MEMORY_MAX (UINT64_C(2) << 30)

static void limit(int resource, rlim_t value) {
        struct rlimit l = { value, value }, old;

        if (getrlimit((__rlimit_resource_t) resource, &old) >= 0 && old.rlim_max < value)
                l.rlim_cur = l.rlim_max = old.rlim_max;
        (void) setrlimit((__rlimit_resource_t) resource, &l);
}

static bool sanitized(void) {
#if defined(__SANITIZE_ADDRESS__)
        return true; /* its shadow memory takes terabytes of address space */
#else
        return false;
#endif
}

static int become(uid_t uid) {
        /* The host may refuse namespaces; what matters is the change of user. */
        (void) unshare(CLONE_NEWNET);
        (void) unshare(CLONE_NEWIPC);
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        return 0;
}

static int limit_all(void) {
        /* After the change of user our own directory in /proc is not accessible. */
        if (prctl(PR_SET_DUMPABLE, 1) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_NOFILE, 64);
        if (!sanitized())
                limit(RLIMIT_AS, MEMORY_MAX);
        (void) signal(SIGXFSZ, SIG_IGN); /* write() then fails with EFBIG */
        (void) signal(SIGPIPE, SIG_IGN);
        return 0;
}

int jail_enter(int fd) {
        bool failed = geteuid() == 0 &&
                      ((fd >= 0 && fchown(fd, NOBODY, NOBODY) < 0) || become(NOBODY) < 0);
        int r = limit_all();

        return r < 0 ? r : failed;
}

int jail_enter_as(uid_t uid) {
        int r = become(uid);

        return r < 0 ? r : limit_all();
}

void jail_limit_files(uint64_t max) {
        limit(RLIMIT_FSIZE, (rlim_t) max);
}
