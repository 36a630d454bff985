/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail.c - a process that has only what it is to work on. */

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

/* Compressors ask for windows of up to 2 GiB where they are told to; names of files are kept. */
#define MEMORY_MAX (UINT64_C(2) << 30)

static void limit(int resource, rlim_t value) {
        struct rlimit l = { value, value }, old;

        if (getrlimit((__rlimit_resource_t) resource, &old) >= 0 && old.rlim_max < value)
                l.rlim_cur = l.rlim_max = old.rlim_max;
        (void) setrlimit((__rlimit_resource_t) resource, &l);
}

static bool sanitized(void) {
#if defined(__SANITIZE_ADDRESS__)
        return true; /* its shadow is address space of terabytes */
#else
        return false;
#endif
}

static int become_nobody(int fd) {
        if (fchown(fd, NOBODY, NOBODY) < 0)
                return -errno;
        /* What cannot be had here is left out: the user is what counts. */
        (void) unshare(CLONE_NEWNET);
        (void) unshare(CLONE_NEWIPC);
        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
            setresuid(NOBODY, NOBODY, NOBODY) < 0)
                return -errno;
        return 0;
}

int jail_enter(int fd) {
        int r = 0;

        if (geteuid() == 0)
                r = become_nobody(fd) < 0;
        /* The change of user took our own directory in /proc from us. */
        if (prctl(PR_SET_DUMPABLE, 1) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_NOFILE, 64);
        if (!sanitized())
                limit(RLIMIT_AS, MEMORY_MAX);
        (void) signal(SIGXFSZ, SIG_IGN); /* an error of write() says it better */
        (void) signal(SIGPIPE, SIG_IGN);
        return r;
}

void jail_limit_files(uint64_t max) {
        limit(RLIMIT_FSIZE, (rlim_t) max);
}
