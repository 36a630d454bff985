/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write-syscall-filter.c - writes the filters of syscall-filter.h, when umld is built: the system
 * calls that a guest's kernel may make on the host. Compiled at each start, they would take longer
 * than the exec that they are for.
 *
 * The list is what the kernels 5.10 to 7.2 were seen to make, in all modes, and what their hostfs,
 * copy-on-write disks and libc make in situations that were not seen. Everything else fails with
 * EPERM, as if the user were not permitted: a kernel can cope with that, and a process that was
 * taken over cannot reach the parts of the host's kernel in which most of its faults are found.
 *
 * The processes of the guest inherit the filter, but what they call never gets to it: their calls
 * are intercepted before that, by ptrace or, with seccomp=on, by a filter of the guest's kernel,
 * whose SECCOMP_RET_TRAP takes precedence over an error. */

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/macro.h"

#ifndef CLONE_NEWTIME
        #define CLONE_NEWTIME 0x00000080
#endif

static const char *const allowed[] = {
        /* processes of the guest, interrupts, the clock */
        "ptrace",
        "wait4",
        "rt_sigreturn",
        "rt_sigprocmask",
        "epoll_wait",
        "futex",
        "timer_settime",
        "clock_nanosleep",
        "clock_gettime",
        "gettimeofday",
        "nanosleep",
        "kill",
        "tgkill",
        "rt_sigsuspend",
        "rt_sigaction",
        "rt_sigpending",
        "rt_sigtimedwait",
        "rt_sigqueueinfo",
        "sigaltstack",
        "signalfd4",
        "timer_create",
        "timer_gettime",
        "timer_delete",
        "time",
        "clock_getres",
        "process_vm_readv",
        "process_vm_writev",
        "vfork",
        "execve",
        "execveat",
        "exit",
        "exit_group",
        "setsid",
        "setpgid",
        "getpgrp",
        "getpgid",
        "getsid",
        "getpid",
        "getppid",
        "gettid",
        "getuid",
        "geteuid",
        "getgid",
        "getegid",
        "getresuid",
        "getresgid",
        "getgroups",
        "sched_yield",
        "sched_getaffinity",
        "sched_getparam",
        "sched_getscheduler",
        "getcpu",
        "getpriority",
        "getrusage",
        "times",
        "waitid",
        "restart_syscall",
        "pause",
        "alarm",
        "setitimer",
        "getitimer",
        /* disks, network, console, files of hostfs */
        "pread64",
        "pwrite64",
        "read",
        "write",
        "readv",
        "writev",
        "preadv",
        "pwritev",
        "poll",
        "ppoll",
        "pselect6",
        "select",
        "epoll_create",
        "epoll_create1",
        "epoll_ctl",
        "epoll_pwait",
        "eventfd2",
        "ioctl",
        "fcntl",
        "flock",
        "fallocate",
        "fsync",
        "fdatasync",
        "syncfs",
        "lseek",
        "ftruncate",
        "truncate",
        "open",
        "openat",
        "close",
        "close_range",
        "dup",
        "dup2",
        "dup3",
        "pipe",
        "pipe2",
        "stat",
        "lstat",
        "fstat",
        "newfstatat",
        "statx",
        "statfs",
        "fstatfs",
        "access",
        "faccessat",
        "faccessat2",
        "getdents64",
        "getcwd",
        "chdir",
        "fchdir",
        "mkdir",
        "mkdirat",
        "rmdir",
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "readlink",
        "readlinkat",
        "mknod",
        "mknodat",
        "chmod",
        "fchmod",
        "fchmodat",
        "chown",
        "fchown",
        "lchown",
        "fchownat",
        "utime",
        "utimes",
        "utimensat",
        "futimesat",
        "umask",
        "getxattr",
        "lgetxattr",
        "fgetxattr",
        "listxattr",
        "llistxattr",
        "flistxattr",
        "copy_file_range",
        "fadvise64",
        /* the management console, and descriptors passed between the kernel's processes */
        "bind",
        "sendto",
        "recvfrom",
        "sendmsg",
        "recvmsg",
        "sendmmsg",
        "recvmmsg",
        "getsockname",
        "getpeername",
        "getsockopt",
        "setsockopt",
        "listen",
        "accept",
        "accept4",
        "shutdown",
        /* memory, threads, libc */
        "munmap",
        "mprotect",
        "madvise",
        "mremap",
        "msync",
        "brk",
        "arch_prctl",
        "modify_ldt",
        "set_thread_area",
        "get_thread_area",
        "prctl",
        "personality",
        "seccomp",
        "rseq",
        "set_robust_list",
        "get_robust_list",
        "set_tid_address",
        "membarrier",
        "prlimit64",
        "getrlimit",
        "setrlimit",
        "getrandom",
        "uname",
        "sysinfo",
};

/* With AF_UNIX only, whose addresses are paths in the kernel's root directory, or names in its
 * network namespace. */
static const char *const for_unix[] = { "socket", "socketpair" };

#define NAMESPACES                                                                                 \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
         CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

/* A call that libseccomp does not know is unknown to the kernels of its time, too. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *name,
               const struct scmp_arg_cmp *arg) {
        int number = seccomp_syscall_resolve_name(name);

        if (number == __NR_SCMP_ERROR)
                return 0;
        return seccomp_rule_add_array(ctx, action, number, arg ? 1 : 0, arg);
}

/* Not memory that is shared without being in the guest's memory directory, which alone is limited:
 * unlike private memory it is no process's own, and without a control group nothing counts it.
 * Kernels that would use memfd_create() take a file in that directory instead. */
static int add_mapping(scmp_filter_ctx ctx, bool shared) {
        static const scmp_datum_t others[] = { 0, MAP_SHARED, MAP_ANONYMOUS };
        const scmp_datum_t mask = MAP_SHARED | MAP_ANONYMOUS;
        int r = shared ? add(ctx, SCMP_ACT_ALLOW, "mmap", NULL) : 0;

        if (r >= 0 && shared)
                r = add(ctx, SCMP_ACT_ALLOW, "memfd_create", NULL);
        FOREACH_ELEMENT (other, others) {
                const struct scmp_arg_cmp flags = SCMP_A3(SCMP_CMP_MASKED_EQ, mask, *other);

                if (r >= 0 && !shared)
                        r = add(ctx, SCMP_ACT_ALLOW, "mmap", &flags);
        }
        return r;
}

static int add_all(scmp_filter_ctx ctx, bool shared) {
        const struct scmp_arg_cmp is_unix = { .op = SCMP_CMP_EQ, .datum_a = AF_UNIX },
                                  no_namespace = { .op = SCMP_CMP_MASKED_EQ,
                                                   .datum_a = NAMESPACES };
        int r = 0;

        FOREACH_ELEMENT (name, allowed)
                if (r >= 0)
                        r = add(ctx, SCMP_ACT_ALLOW, *name, NULL);
        FOREACH_ELEMENT (name, for_unix)
                if (r >= 0)
                        r = add(ctx, SCMP_ACT_ALLOW, *name, &is_unix);
        if (r >= 0)
                r = add_mapping(ctx, shared);
        if (r >= 0)
                r = add(ctx, SCMP_ACT_ALLOW, "clone", &no_namespace);
        if (r >= 0) /* a filter cannot see its flags; libc falls back to clone() */
                r = add(ctx, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL);
        return r;
}

/* Compiles one for an architecture; log and shared as in syscall-filter.h. */
static int compile(uint32_t architecture, bool log, bool shared, int fd) {
        uint32_t otherwise = log ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM);
        scmp_filter_ctx ctx = seccomp_init(otherwise);
        int r = ctx ? 0 : -ENOMEM;

        if (r >= 0 && architecture != seccomp_arch_native()) {
                r = seccomp_arch_add(ctx, architecture);
                if (r >= 0)
                        r = seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
        }
        if (r >= 0)
                r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, otherwise);
        if (r >= 0) /* a search tree, because kernels before 5.11 run it for each call */
                r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r >= 0)
                r = add_all(ctx, shared);
        if (r >= 0)
                r = seccomp_export_bpf(ctx, fd);
        seccomp_release(ctx);
        return r;
}

/* As an element of the table. */
static int write_filter(uint32_t architecture, bool log, bool shared) {
        FILE *file = tmpfile();
        struct sock_filter code;
        size_t n = 0;
        int r = file ? compile(architecture, log, shared, fileno(file)) : -errno;

        if (r < 0)
                return r;
        rewind(file);
        printf("        [%d][%d].filter = (struct sock_filter[]){\n", log, shared);
        for (; fread(&code, sizeof(code), 1, file) == 1; n++)
                printf("                { 0x%02x, %u, %u, 0x%08x },\n", code.code, code.jt, code.jf,
                       code.k);
        printf("        },\n        [%d][%d].len = %zu,\n", log, shared, n);
        fclose(file);
        return n == 0 || n > BPF_MAXINSNS ? -E2BIG : 0;
}

int main(int argc, char **argv) {
        uint32_t architecture = argc == 2 ? seccomp_arch_resolve_name(argv[1]) : 0;
        int r = architecture == 0 ? -EINVAL : 0;

        printf("/* Written by write-syscall-filter. */\n\n"
               "#include \"daemon/programs/syscall-filter.h\"\n\n"
               "const struct sock_fprog syscall_filters[2][2] = {\n");
        for (int i = 0; r >= 0 && i < 4; i++)
                r = write_filter(architecture, i / 2, i % 2);
        printf("};\n");
        if (r < 0)
                fprintf(stderr, "%s: cannot compile the filter: %s\n", argv[0], strerror(-r));
        return r < 0;
}
