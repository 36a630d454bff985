/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls.c - parts of the host's kernel that a guest does not need, by plain system calls. */

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "breakout.h"
#include "guest/fake-guest.h"

/* The same on every architecture; Debian 11's headers lack some. */
enum {
        IO_URING_SETUP = 425,
        OPEN_TREE = 428,
        FSOPEN = 430,
        MEMFD_SECRET = 447,
};

static int result(long r) {
        return r < 0 ? -errno : REACHED;
}

static int try_mount(const Attempt *a) {
        return result(mount("none", guest.uml_dir, a->target, 0, NULL));
}

static int try_bind(const Attempt *a) {
        return result(mount(target(a->target), guest.uml_dir, NULL, MS_BIND, NULL));
}

static int try_remount(const Attempt *a) {
        return result(mount(NULL, target(a->target), NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int try_pivot(const Attempt *a) {
        return result(syscall(SYS_pivot_root, guest.uml_dir, guest.uml_dir));
}

static int try_fsopen(const Attempt *a) {
        return result(syscall(FSOPEN, a->target, 0));
}

static int try_open_tree(const Attempt *a) {
        return result(syscall(OPEN_TREE, AT_FDCWD, a->target, 1 /* OPEN_TREE_CLONE */));
}

static int try_io_uring(const Attempt *a) {
        char parameters[120] = {};

        return result(syscall(IO_URING_SETUP, 4, parameters));
}

static int try_bpf(const Attempt *a) {
        union bpf_attr attr = {
                .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
        };

        return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int try_perf(const Attempt *a) {
        struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                        .size = sizeof(attr),
                                        .config = PERF_COUNT_SW_CPU_CLOCK };

        attr.exclude_kernel = 1;
        return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int try_key(const Attempt *a) {
        return result(
                syscall(SYS_add_key, "user", "umld-breakout", "x", 1L, KEY_SPEC_PROCESS_KEYRING));
}

static int try_attach(const Attempt *a) {
        return shmat((int) target_number(a->target), NULL, 0) == (void *) -1 ? -errno : REACHED;
}

static int try_shared_memory(const Attempt *a) {
        int id = shmget(IPC_PRIVATE, 4096, 0600);

        if (id < 0)
                return -errno;
        (void) shmctl(id, IPC_RMID, NULL);
        return REACHED;
}

static int try_queue(const Attempt *a) {
        if (syscall(SYS_mq_open, a->target, O_CREAT | O_RDWR, 0600, NULL) < 0)
                return -errno;
        (void) syscall(SYS_mq_unlink, a->target);
        return REACHED;
}

/* Its own name, but the host's is asked for first. */
static int try_host_name(const Attempt *a) {
        char name[65] = "";

        if (gethostname(name, sizeof(name) - 1) < 0)
                return -errno;
        return streq(name, target(a->target)) ? REACHED : -ENOENT;
}

static int try_clock(const Attempt *a) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return result(clock_settime(CLOCK_REALTIME, &now));
}

static int try_lock(const Attempt *a) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? -errno : result(mlock(p, 4096));
}

#define CALL(number, ...)                                                                          \
        try_call, NULL, (number), {                                                                \
                __VA_ARGS__                                                                        \
        }

static const Attempt attempts[] = {
        { "mount a tmpfs", try_mount, "tmpfs" },
        { "mount /proc", try_mount, "proc" },
        { "mount a tmpfs by fsopen", try_fsopen, "tmpfs" },
        { "mount its kernel elsewhere", try_bind, "kernel" },
        { "copy a mount by open_tree", try_open_tree, "/" },
        { "remount its root directory for writing", try_remount, "/" },
        { "remount a disk for writing", try_remount, "read-only-disk" },
        { "unmount something", CALL(SYS_umount2, (long) "/dev/null", MNT_DETACH) },
        { "get another root directory by pivot_root", try_pivot },
        { "swap to a file", CALL(SYS_swapon, (long) "/dev/null", 0) },
        { "restart the host", CALL(SYS_reboot, 0, 0, 0) },
        { "load another kernel", CALL(SYS_kexec_load, 0, 0, 0, 0) },
        { "load a module into the host's kernel", CALL(SYS_init_module, 0, 0, (long) "") },
        { "read the host's kernel log by syslog", CALL(SYS_syslog, 10) },
        { "use io_uring", try_io_uring },
        { "use bpf", try_bpf },
        { "use userfaultfd", CALL(SYS_userfaultfd, 0x80001 /* user mode only */) },
        { "use perf events", try_perf },
        { "add a key to a keyring", try_key },
        { "use the keyring of its session", CALL(SYS_keyctl, 0, KEY_SPEC_SESSION_KEYRING, 1) },
        { "have secret memory", CALL(MEMFD_SECRET, 0) },
        { "use fanotify", CALL(SYS_fanotify_init, 0x200, 0) },
        { "attach a System V segment of the host's, mode 0666", try_attach, "segment" },
        { "make a System V segment", try_shared_memory },
        { "make a POSIX message queue", try_queue, "umld-breakout" },
        { "read the host's name", try_host_name, "host-name" },
        { "set the host's name", CALL(SYS_sethostname, (long) "", 0) },
        { "set the host's clock", try_clock },
        { "access the ports of the host's hardware", CALL(SYS_iopl, 3) },
        { "set disk quotas", CALL(SYS_quotactl, 0, 0, 0, 0) },
        { "have processes accounted", CALL(SYS_acct, 0) },
        { "hang up the host's terminal", CALL(SYS_vhangup) },
        { "lock memory", try_lock },
};

const AttemptGroup group_calls = { "System calls", attempts, ARRAY_SIZE(attempts) };
