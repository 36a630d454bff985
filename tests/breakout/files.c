/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files.c - files of the host, and the way out of a root directory. */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "breakout.h"
#include "guest/fake-guest.h"
#include "host/init-protocol.h"

static int try_open(const Attempt *a) {
        return open(target(a->target), (int) a->number | O_CLOEXEC) < 0 ? -errno : REACHED;
}

/* In that directory, and removed at once. */
static int try_create(const Attempt *a) {
        char path[PATH_MAX];
        int fd;

        snprintf(path, sizeof(path), "%s/umld-breakout.XXXXXX", target(a->target));
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void) unlink(path);
        return REACHED;
}

/* Where the kernel may create files, they are of no use: no devices, nobody else's. */
static const char *own(const char *name, char path[static PATH_MAX]) {
        snprintf(path, PATH_MAX, "%s/%s", guest.uml_dir, name);
        return path;
}

static int try_device(const Attempt *a) {
        char path[PATH_MAX];
        int r;

        if (mknod(own("device", path), S_IFBLK | 0600, makedev(7, 0)) < 0)
                return -errno;
        r = open(path, O_RDONLY | O_CLOEXEC) < 0 && errno != ENXIO ? -errno : REACHED;
        (void) unlink(path);
        return r;
}

static int try_give_away(const Attempt *a) {
        char path[PATH_MAX];
        int fd = open(own("gift", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0700), r;

        if (fd < 0)
                return -errno;
        r = fchown(fd, 0, 0) < 0 ? -errno : REACHED;
        (void) unlink(path);
        return r;
}

static int try_handle(const Attempt *a) {
        struct {
                struct file_handle head;
                char handle[64];
        } h = { .head = { .handle_bytes = sizeof(h.handle) } };
        int mount_id;

        if (name_to_handle_at(AT_FDCWD, guest.uml_dir, &h.head, &mount_id, 0) < 0 && errno != EPERM)
                return -errno;
        return open_by_handle_at(AT_FDCWD, &h.head, O_RDONLY) < 0 ? -errno : REACHED;
}

/* A working directory outside of a new root is the classical way out. */
static int try_chroot(const Attempt *a) {
        if (chroot(guest.uml_dir) < 0)
                return -errno;
        return access("../../../../../../../../etc/passwd", F_OK) < 0 ? -errno : REACHED;
}

/* A directory of the host, or anything that a kernel does not need. */
static int try_leaked(const Attempt *a) {
        static const bool expected[GUEST_FD_TUN + 1] = {
                true, true, true, [GUEST_FD_TERMINAL] = true, [GUEST_FD_TUN] = true,
        };

        for (size_t i = 0; i < ARRAY_SIZE(beginning.open); i++) {
                struct stat st;

                if (!beginning.open[i] || fstat((int) i, &st) < 0)
                        continue;
                if (i < ARRAY_SIZE(expected) && expected[i] && !S_ISDIR(st.st_mode))
                        continue;
                fprintf(stderr, "breakout: descriptor %zu is open, mode %o\n", i, st.st_mode);
                return REACHED;
        }
        return -EBADF;
}

static int try_set_user_id(const Attempt *a) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                (void) execl(target(a->target), "breakout", "--am-i-root", NULL);
                _exit(100 + (errno == ENOENT));
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        return !WIFEXITED(status)          ? -EINTR
               : WEXITSTATUS(status) == 0  ? REACHED
               : WEXITSTATUS(status) > 100 ? -ENOENT
                                           : -EPERM;
}

static int try_lease(const Attempt *a) {
        int fd = open(target(a->target), O_RDONLY | O_CLOEXEC);

        return fd < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? -errno : REACHED;
}

static int try_watch(const Attempt *a) {
        int fd = (int) syscall(SYS_inotify_init1, 0);

        return fd < 0 || syscall(SYS_inotify_add_watch, fd, target(a->target), 2) < 0 ? -errno
                                                                                      : REACHED;
}

static const Attempt attempts[] = {
        { "read /etc/passwd", try_open, "/etc/passwd", O_RDONLY },
        { "read /etc/passwd by way of /..", try_open, "/../../../../etc/passwd", O_RDONLY },
        { "see that there is a directory /etc", try_open, "/etc", O_RDONLY | O_DIRECTORY },
        { "read its own configuration file", try_open, "config", O_RDONLY },
        { "read the disk image of another guest, mode 0644", try_open, "other-disk", O_RDONLY },
        { "write to a disk that it may only read", try_open, "read-only-disk", O_RDWR },
        { "write to the file of its kernel", try_open, "kernel", O_WRONLY },
        { "read the arguments of the host's init from /proc", try_open, "/proc/1/cmdline",
          O_RDONLY },
        { "read the environment of its own processes from /proc", try_open, "/proc/self/environ",
          O_RDONLY },
        { "write to /proc/self/mem", try_open, "/proc/self/mem", O_RDWR },
        { "find the root directory of umld in /proc", try_open, "/proc/1/root/etc", O_RDONLY },
        { "set the host's core_pattern", try_open, "/proc/sys/kernel/core_pattern", O_WRONLY },
        { "press a key of the host's SysRq", try_open, "/proc/sysrq-trigger", O_WRONLY },
        { "read the host's devices from /sys", try_open, "/sys/devices", O_RDONLY },
        { "open the host's memory", try_open, "/dev/mem", O_RDWR },
        { "open the host's kernel log", try_open, "/dev/kmsg", O_RDWR },
        { "open a terminal of the host", try_open, "/dev/ptmx", O_RDWR },
        { "open the host's FUSE", try_open, "/dev/fuse", O_RDWR },
        { "open the host's KVM", try_open, "/dev/kvm", O_RDWR },
        { "create a file in /tmp", try_create, "/tmp" },
        { "create a file in /var/tmp", try_create, "/var/tmp" },
        { "create a file in /dev/shm", try_create, "/dev/shm" },
        { "create a file in its root directory", try_create, "/" },
        { "create a file where umld's own sockets are", try_create, "sockets" },
        { "make a device node and open it", try_device },
        { "give a file to root", try_give_away },
        { "open a file by its handle", try_handle },
        { "leave its root directory by a second chroot", try_chroot },
        { "use a descriptor that umld left open", try_leaked },
        { "become root by a set-user-ID program", try_set_user_id, "set-user-id" },
        { "hold a lease on a file of root", try_lease, "kernel" },
        { "watch what others do with a file", try_watch, "kernel" },
};

const AttemptGroup group_files = { "Files", attempts, ARRAY_SIZE(attempts) };
