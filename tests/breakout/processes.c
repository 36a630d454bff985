/* SPDX-License-Identifier: GPL-2.0-or-later */
/* processes.c - processes of others, and privileges. */

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "breakout.h"

/* A pid that the host's processes know it by, or that of the process that started us. */
static pid_t pid_of(const Attempt *a) {
        return streq(a->target, "parent") ? beginning.parent : (pid_t) target_number(a->target);
}

static int try_signal(const Attempt *a) {
        return kill(pid_of(a), 0) < 0 ? -errno : REACHED;
}

static int try_trace(const Attempt *a) {
        return ptrace(PTRACE_SEIZE, pid_of(a), NULL, NULL) < 0 ? -errno : REACHED;
}

static int try_read_memory(const Attempt *a) {
        char buf[8];
        struct iovec ours = { buf, sizeof(buf) }, theirs = { (void *) buf, sizeof(buf) };

        /* Addresses are not random, so our own may well be one of theirs. */
        return process_vm_readv(pid_of(a), &ours, 1, &theirs, 1, 0) < 0 ? -errno : REACHED;
}

static int try_limit_other(const Attempt *a) {
        struct rlimit l;

        if (prlimit(pid_of(a), RLIMIT_NOFILE, NULL, &l) < 0)
                return -errno;
        return prlimit(pid_of(a), RLIMIT_NOFILE, &l, NULL) < 0 ? -errno : REACHED;
}

static int try_raise(const Attempt *a) {
        const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

        return setrlimit((int) a->number, &none) < 0 ? -errno : REACHED;
}

static int try_pidfd(const Attempt *a) {
        int fd = (int) syscall(434 /* pidfd_open */, pid_of(a), 0);

        if (fd < 0)
                return -errno;
        return syscall(438 /* pidfd_getfd */, fd, 0, 0) < 0 ? -errno : REACHED;
}

static int try_real_time(const Attempt *a) {
        const struct sched_param p = { .sched_priority = 1 };

        return sched_setscheduler(0, SCHED_FIFO, &p) < 0 ? -errno : REACHED;
}

static int try_capability(const Attempt *a) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
                { .effective = 1U << CAP_SYS_ADMIN, .permitted = 1U << CAP_SYS_ADMIN },
        };

        return syscall(SYS_capset, &header, data) < 0 ? -errno : REACHED;
}

static int try_clone(const Attempt *a) {
        long pid = syscall(SYS_clone, a->number | SIGCHLD, 0L, 0L, 0L, 0L);

        if (pid == 0)
                _exit(0);
        return pid < 0 ? -errno : REACHED;
}

static int try_clone3(const Attempt *a) {
        struct {
                uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        } arguments = { .flags = (uint64_t) a->number, .exit_signal = SIGCHLD };
        long pid = syscall(435 /* clone3 */, &arguments, sizeof(arguments));

        if (pid == 0)
                _exit(0);
        return pid < 0 ? -errno : REACHED;
}

#ifdef __x86_64__
/* A filter of system calls knows them by their numbers, which are others there. */
static int try_i386(const Attempt *a) {
        long r;

        __asm__ volatile("int $0x80"
                         : "=a"(r)
                         : "a"(a->number), "b"(AF_UNIX), "c"(SOCK_DGRAM), "d"(0)
                         : "memory", "r8", "r9", "r10", "r11");
        return r < 0 ? (int) r : REACHED;
}
#endif

static const Attempt attempts[] = {
        { "signal umld", try_signal, "umld-pid" },
        { "signal umld-init", try_signal, "parent" },
        { "signal the kernel of another guest", try_signal, "other-pid" },
        { "signal a process of the host that has its user", try_signal, "same-user-pid" },
        { "trace umld-init", try_trace, "parent" },
        { "trace a process of the host that has its user", try_trace, "same-user-pid" },
        { "read the memory of umld-init", try_read_memory, "parent" },
        { "take a descriptor of umld-init", try_pidfd, "parent" },
        { "change the limits of umld-init", try_limit_other, "parent" },
        { "change the limits of a process of the host that has its user", try_limit_other,
          "same-user-pid" },
        { "raise its limit of processes", try_raise, .number = RLIMIT_NPROC },
        { "raise its limit of descriptors", try_raise, .number = RLIMIT_NOFILE },
        { "raise its limit of locked memory", try_raise, .number = RLIMIT_MEMLOCK },
        { "raise its limit of message queues", try_raise, .number = RLIMIT_MSGQUEUE },
        { "have core files written", try_raise, .number = RLIMIT_CORE },
        { "get a real-time priority", try_real_time },
        { "get a higher priority", try_call, .number = SYS_setpriority,
          .arguments = { PRIO_PROCESS, 0, -10 } },
        { "become root by setuid", try_call, .number = SYS_setuid, .arguments = { 0 } },
        { "join the group of root", try_call, .number = SYS_setgid, .arguments = { 0 } },
        { "raise a capability", try_capability },
        { "raise an ambient capability", try_call, .number = SYS_prctl,
          .arguments = { PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN } },
        { "make a user namespace", try_clone, .number = CLONE_NEWUSER },
        { "make a user namespace by clone3", try_clone3, .number = CLONE_NEWUSER },
        { "make a user namespace by unshare", try_call, .number = SYS_unshare,
          .arguments = { CLONE_NEWUSER } },
        { "make a network namespace", try_clone, .number = CLONE_NEWNET },
        { "make a mount namespace", try_clone, .number = CLONE_NEWNS },
        { "join a namespace by a descriptor", try_call, .number = SYS_setns,
          .arguments = { 0, 0 } },
#ifdef __x86_64__
        { "open a socket by the numbers of 32-bit programs", try_i386, .number = 359 },
        { "open a network socket by the numbers of x32 programs", try_call,
          .number = 0x40000000 | SYS_socket, .arguments = { AF_INET, SOCK_DGRAM } },
#endif
};

const AttemptGroup group_processes = { "Processes and privileges", attempts, ARRAY_SIZE(attempts) };
