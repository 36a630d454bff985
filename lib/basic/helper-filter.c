/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper-filter.c - refuses system calls that no helper of umld's needs. */

#include <endian.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/helper-filter.h"

#ifndef CLONE_NEWTIME
        #define CLONE_NEWTIME 0x00000080
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW /* Linux 4.17 */
        #define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1U << 2)
#endif

/* For an architecture that is not listed there is no filter, as with a kernel that has none. */
#if defined(__x86_64__)
        #define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
        #define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
        #define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
        #define ARCHITECTURE 0
#endif

#define X32_BIT 0x40000000U

/* Newer than some headers; from 424 on the numbers are the same on all architectures. */
enum {
        IO_URING_SETUP = 425,
        IO_URING_ENTER,
        IO_URING_REGISTER,
        OPEN_TREE,
        MOVE_MOUNT,
        FSOPEN,
        FSCONFIG,
        FSMOUNT,
        FSPICK,
        CLONE3 = 435,
        PIDFD_GETFD = 438,
        MOUNT_SETATTR = 442,
        QUOTACTL_FD = 443,
        MEMFD_SECRET = 447,
};

static const struct {
        unsigned number;
        HelperNeeds unless; /* it is refused to those that have not this need; 0 = to all */
} refused[] = {
/* Other processes. With ASan a process is traced by a thread of its own when it ends. */
#if !defined(WITH_ADDRESS_SANITIZER)
        { SYS_ptrace },
#endif
        { SYS_process_vm_readv },
        { SYS_process_vm_writev },
        { SYS_kcmp },
        { PIDFD_GETFD },
        { SYS_execve, HELPER_PROGRAMS },
        { SYS_execveat, HELPER_PROGRAMS },
        /* namespaces and mounts */
        { SYS_setns },
        { SYS_unshare },
        { SYS_mount },
        { SYS_umount2 },
        { SYS_pivot_root },
        { SYS_chroot },
        { OPEN_TREE },
        { MOVE_MOUNT },
        { FSOPEN },
        { FSCONFIG },
        { FSMOUNT },
        { FSPICK },
        { MOUNT_SETATTR },
        { SYS_open_by_handle_at },
        /* the host's set-up */
        { SYS_init_module },
        { SYS_finit_module },
        { SYS_delete_module },
        { SYS_kexec_load },
#ifdef SYS_kexec_file_load
        { SYS_kexec_file_load },
#endif
        { SYS_reboot },
        { SYS_swapon },
        { SYS_swapoff },
        { SYS_acct },
        { SYS_quotactl },
        { QUOTACTL_FD },
        { SYS_syslog },
        { SYS_settimeofday },
        { SYS_clock_settime },
        { SYS_adjtimex },
        { SYS_clock_adjtime },
        { SYS_sethostname },
        { SYS_setdomainname },
        { SYS_vhangup },
#ifdef SYS_iopl
        { SYS_iopl },
        { SYS_ioperm },
#endif
        /* other parts of its kernel */
        { SYS_bpf },
        { SYS_perf_event_open },
        { SYS_userfaultfd },
        { IO_URING_SETUP },
        { IO_URING_ENTER },
        { IO_URING_REGISTER },
        { SYS_add_key },
        { SYS_request_key },
        { SYS_keyctl },
        { SYS_fanotify_init },
        { MEMFD_SECRET },
};

/* AF_NETLINK is how libc finds out which addresses it has. */
static const struct {
        unsigned family;
        HelperNeeds when; /* for those that have this need; 0 = for all */
} families[] = {
        { AF_UNIX },
        { AF_INET, HELPER_SOCKETS },
        { AF_INET6, HELPER_SOCKETS },
        { AF_NETLINK, HELPER_SOCKETS },
};

#define NAMESPACES                                                                                 \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
         CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

enum {
        CODE_MAX = 2 * (ARRAY_SIZE(refused) + ARRAY_SIZE(families)) + 32,
};

typedef struct Program {
        struct sock_filter code[CODE_MAX];
        unsigned short n;
} Program;

static void statement(Program *p, uint16_t code, uint32_t k) {
        assert(p->n < CODE_MAX);
        p->code[p->n++] = (struct sock_filter) BPF_STMT(code, k);
}

static void load(Program *p, size_t offset) {
        statement(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t) offset);
}

/* Its lower half. */
static void load_argument(Program *p, size_t i) {
        load(p, offsetof(struct seccomp_data, args) + i * sizeof(uint64_t) +
                        (BYTE_ORDER == BIG_ENDIAN ? sizeof(uint32_t) : 0));
}

/* The following n statements are for this case. */
static void when(Program *p, uint16_t test, uint32_t k, uint8_t n) {
        assert(p->n < CODE_MAX);
        p->code[p->n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | test | BPF_K, k, 0, n);
}

static void give(Program *p, uint32_t action) {
        statement(p, BPF_RET | BPF_K, action);
}

static void refuse(Program *p) {
        give(p, SECCOMP_RET_ERRNO | EPERM);
}

/* Ends the program for that call. */
static void add_families(Program *p, unsigned call, unsigned needs) {
        unsigned n = 0;

        FOREACH_ELEMENT (f, families)
                n += !f->when || (needs & f->when);
        when(p, BPF_JEQ, call, (uint8_t) (2 * n + 2));
        load_argument(p, 0);
        FOREACH_ELEMENT (f, families)
                if (!f->when || (needs & f->when)) {
                        when(p, BPF_JEQ, f->family, 1);
                        give(p, SECCOMP_RET_ALLOW);
                }
        refuse(p);
}

/* A filter cannot see the flags of clone3(); libc falls back to clone(). */
static void add_clone(Program *p) {
        when(p, BPF_JEQ, CLONE3, 1);
        give(p, SECCOMP_RET_ERRNO | ENOSYS);
        when(p, BPF_JEQ, __NR_clone, 4); /* a number: none is made here */
        load_argument(p, 0);
        when(p, BPF_JSET, NAMESPACES, 1);
        refuse(p);
        give(p, SECCOMP_RET_ALLOW);
}

static void make(Program *p, unsigned needs) {
        load(p, offsetof(struct seccomp_data, arch));
        p->code[p->n++] =
                (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
        refuse(p);
        load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
        when(p, BPF_JGE, X32_BIT, 1);
        refuse(p);
#endif
        FOREACH_ELEMENT (r, refused)
                if (!(needs & r->unless)) {
                        when(p, BPF_JEQ, r->number, 1);
                        refuse(p);
                }
        add_clone(p);
        add_families(p, SYS_socket, needs);
        add_families(p, SYS_socketpair, needs);
        give(p, SECCOMP_RET_ALLOW);
}

int helper_filter_apply(unsigned needs) {
        Program p = {};

        if (ARCHITECTURE == 0)
                return -EINVAL;
        make(&p, needs);
        return filter_apply(&(const struct sock_fprog){ .len = p.n, .filter = p.code });
}

/* Without that flag kernels before 5.16 restrict speculative execution for every process that has a
 * filter, which costs a guest more than the filter itself. */
int filter_apply(const struct sock_fprog *filter) {
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, filter) >=
            0)
                return 0;
        if (errno != EINVAL)
                return -errno;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) < 0 ? -errno : 0;
}
