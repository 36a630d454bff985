/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.c - confines a helper process before it reads foreign data. */

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/capabilities.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/helper-filter.h"
#include "basic/mountinfo.h"
#include "basic/sandbox.h"

enum {
        NOBODY = 65534,
        PROCESSES_MAX = 512,        /* of all helpers of a kind on the host together */
        MOUNTINFO_PART = 64 * 1024, /* and more, if it is longer */
};

/* Linux 5.12; the number is the same on all architectures. */
#ifndef SYS_mount_setattr
        #define SYS_mount_setattr 442
#endif

/* ---- mounts ---- */

struct mount_attributes {
        uint64_t set, clear, propagation, user_namespace;
};

/* In one call, including mounts of which mountinfo shows nothing in a chroot. */
static int all_read_only(void) {
        struct mount_attributes a = { .set = 1 /* MOUNT_ATTR_RDONLY */ |
                                             2 /* MOUNT_ATTR_NOSUID */ };

        return RET_NERRNO((int) syscall(SYS_mount_setattr, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */,
                                        &a, sizeof(a)));
}

static void make_read_only(const char *point) {
        struct statvfs vfs;
        unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID;

        if (statvfs(point, &vfs) < 0)
                return;
        flags |= (vfs.f_flag & ST_NODEV ? MS_NODEV : 0) | (vfs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0);
        (void) mount(NULL, point, NULL, flags, NULL);
}

/* Not by malloc(), which is not safe here. It stays until the exec. */
static int read_mountinfo(char **ret) {
        _cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        size_t size = MOUNTINFO_PART, filled = 0;
        char *text = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (fd < 0 || text == MAP_FAILED)
                return -errno;
        for (;;) {
                ssize_t n = read_all(fd, text + filled, size - 1 - filled);

                if (n < 0)
                        return (int) n;
                filled += (size_t) n;
                if (filled < size - 1)
                        break;
                text = mremap(text, size, 2 * size, MREMAP_MAYMOVE);
                if (text == MAP_FAILED)
                        return -errno;
                size *= 2;
        }
        text[filled] = '\0';
        *ret = text;
        return 0;
}

/* On older kernels one after the other; the fifth field of a line is the mount point. */
static int each_read_only(void) {
        char *next = NULL, *line;
        int r = read_mountinfo(&next);

        if (r < 0)
                return r;
        while ((line = strsep(&next, "\n"))) {
                char *point = NULL;

                for (int i = 0; i < 5 && line; i++)
                        point = strsep(&line, " ");
                if (!point || !line)
                        continue;
                mountinfo_unescape(point);
                make_read_only(point);
        }
        return 0;
}

int sandbox_mounts(bool own_pids) {
        int r;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return -errno;
        if (own_pids) /* else it would show the same processes as before */
                (void) mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        r = all_read_only();
        return r == -ENOSYS || r == -EPERM ? each_read_only() : r;
}

/* ---- the rest ---- */

static void leave_namespaces(void) {
        static const int each[] = { CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS };

        if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) >= 0)
                return;
        FOREACH_ELEMENT (flag, each)
                (void) unshare(*flag);
}

/* In a container that lacks the user of the role, nobody is still better than root. */
static int become(uid_t wanted) {
        const uid_t each[] = { wanted, NOBODY };

        if (setgroups(0, NULL) < 0)
                return 1;
        FOREACH_ELEMENT (uid, each)
                if (setresgid(*uid, *uid, *uid) >= 0 && setresuid(*uid, *uid, *uid) >= 0)
                        return 0;
        return 1;
}

static void limit(int resource, uint64_t most) {
        struct rlimit l;

        if (getrlimit((__rlimit_resource_t) resource, &l) < 0)
                return;
        l.rlim_max = MIN(l.rlim_max, (rlim_t) most);
        l.rlim_cur = l.rlim_max;
        (void) setrlimit((__rlimit_resource_t) resource, &l);
}

static void limit_all(const Sandbox *s) {
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_MEMLOCK, 0);
        limit(RLIMIT_MSGQUEUE, 0);
        limit(RLIMIT_NOFILE, s->files);
        if (s->file_size != UINT64_MAX)
                limit(RLIMIT_FSIZE, s->file_size);
#if !defined(WITH_ADDRESS_SANITIZER) /* whose shadow memory takes terabytes of address space */
        if (s->memory != 0)
                limit(RLIMIT_AS, s->memory);
#endif
}

/* The change of user cleared the death signal for a moment. In a PID namespace of its own it does
 * not see its parent end, but that nobody reads what it prints any longer. */
static bool is_orphan(pid_t parent) {
        struct pollfd p = { .fd = STDOUT_FILENO };

        return getppid() != parent || (poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)));
}

int sandbox_enter(const Sandbox *s) {
        pid_t parent = getppid();
        int r = 0;

        if (geteuid() == 0) {
                leave_namespaces();
                (void) sandbox_mounts(getpid() == 1);
                limit(RLIMIT_NPROC, PROCESSES_MAX);
                r = capabilities_keep(0);
                if (r >= 0)
                        r = become(s->uid);
        }
        limit_all(s);
        (void) umask(077);
        /* The change of user has cleared the first, and made our own directory in /proc, through
         * which descriptors are opened again, inaccessible. */
        if (r >= 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
                return -errno;
        if (r >= 0 && is_orphan(parent))
                return -ESRCH;
        /* Kernels before 3.5 do not have it. */
        if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 && errno != EINVAL)
                return -errno;
        if (r >= 0)
                (void) helper_filter_apply(HELPER_PROGRAMS);
        if (r == 1) { /* root's user, then, but nothing more */
                int dropped = capabilities_drop();

                return dropped < 0 ? dropped : r;
        }
        return r;
}
