/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refuse.c - runs a program on a host that refuses some of what it asks, as container hosts do, or
 * does not know what it is asked for, as kernels without this or that: a seccomp filter, which
 * everything that it starts has too. */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/macro.h"

#if defined(__x86_64__)
        #define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
        #define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
        #error "which architecture is this to seccomp?"
#endif

/* Of one argument of a call: what of it is looked at, and what that must be; {} = anything. */
typedef struct Condition {
        unsigned argument;
        uint32_t mask, first, last;
} Condition;

#define ANY_OF(bits)      .mask = (bits), .first = 1, .last = UINT32_MAX
#define FROM_TO(from, to) .mask = UINT32_MAX, .first = (from), .last = (to)

/* Questions to the legacy tables, which those of IPv6 have some more of. */
#define TABLE_OPTIONS                                                                              \
        { 2, FROM_TO(64, 69) }

/* Of a word, all rows. */
static const struct {
        const char *word;
        uint32_t call;
        Condition conditions[2]; /* both hold */
        uint16_t error;
} refusals[] = {
        { "remount", SYS_mount, { { 3, ANY_OF(MS_REMOUNT) } }, EPERM },
        { "mount", SYS_mount, {}, EPERM },
        { "newns", SYS_unshare, { { 0, ANY_OF(CLONE_NEWNS) } }, EPERM },
        { "no-new-privs",
          SYS_prctl,
          { { 0, FROM_TO(PR_SET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS) } },
          EINVAL },
        { "limits", SYS_prlimit64, { { 1, FROM_TO(RLIMIT_DATA, RLIMIT_DATA) } }, EPERM },
        { "seccomp", SYS_seccomp, {}, ENOSYS },
        { "seccomp", SYS_prctl, { { 0, FROM_TO(PR_SET_SECCOMP, PR_SET_SECCOMP) } }, EINVAL },
        { "ptrace", SYS_ptrace, {}, EPERM },
        { "acl", SYS_setxattr, {}, EOPNOTSUPP },
        { "ip6tables", SYS_getsockopt, { { 1, FROM_TO(IPPROTO_IPV6, IPPROTO_IPV6) } }, EPERM },
        { "netfilter",
          SYS_socket,
          { { 0, FROM_TO(AF_NETLINK, AF_NETLINK) },
            { 2, FROM_TO(NETLINK_NETFILTER, NETLINK_NETFILTER) } },
          EPERM },
        { "packet", SYS_socket, { { 0, FROM_TO(AF_PACKET, AF_PACKET) } }, EPERM },
        /* Kernels that do not have them at all. */
        { "legacy-tables",
          SYS_getsockopt,
          { { 1, FROM_TO(IPPROTO_IP, IPPROTO_IP) }, TABLE_OPTIONS },
          ENOPROTOOPT },
        { "legacy-tables",
          SYS_getsockopt,
          { { 1, FROM_TO(IPPROTO_IPV6, IPPROTO_IPV6) }, TABLE_OPTIONS },
          ENOPROTOOPT },
        { "nf_tables",
          SYS_socket,
          { { 0, FROM_TO(AF_NETLINK, AF_NETLINK) },
            { 2, FROM_TO(NETLINK_NETFILTER, NETLINK_NETFILTER) } },
          EPROTONOSUPPORT },
};

#define LOW_HALF(n)                                                                                \
        (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t) +                            \
         (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

#define LOAD(offset)              BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define JUMP(how, value, yes, no) BPF_JUMP(BPF_JMP | (how) | BPF_K, (value), (yes), (no))
/* Skips that many further instructions where the condition does not hold. */
#define UNLESS(c, skip)                                                                            \
        LOAD(LOW_HALF((c).argument)), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (c).mask),               \
                JUMP(BPF_JGE, (c).first, 0, (skip) + 1), JUMP(BPF_JGT, (c).last, (skip), 0)

static int refuse(const char *word) {
        int r = -EINVAL;

        FOREACH_ELEMENT (row, refusals) {
                if (!streq(row->word, word))
                        continue;
                struct sock_filter code[] = {
                        LOAD(offsetof(struct seccomp_data, arch)),
                        JUMP(BPF_JEQ, ARCHITECTURE, 0, 11),
                        LOAD(offsetof(struct seccomp_data, nr)),
                        JUMP(BPF_JEQ, row->call, 0, 9),
                        UNLESS(row->conditions[0], 5),
                        UNLESS(row->conditions[1], 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | row->error),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                };
                const struct sock_fprog program = { ARRAY_SIZE(code), code };

                r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
                if (r < 0)
                        break;
        }
        return r;
}

int main(int argc, char **argv) {
        int i = 1;

        for (; i < argc && !streq(argv[i], "--"); i++) {
                int r = refuse(argv[i]);

                if (r < 0) {
                        fprintf(stderr, "refuse: %s: %s\n", argv[i], strerror(-r));
                        return 125;
                }
        }
        if (i + 1 >= argc) {
                fprintf(stderr, "usage: refuse "
                                "remount|mount|newns|no-new-privs|seccomp|ptrace|acl|ip6tables|"
                                "netfilter|packet|legacy-"
                                "tables|nf_tables… -- "
                                "PROGRAM…\n");
                return 125;
        }
        (void) execvp(argv[i + 1], argv + i + 1);
        fprintf(stderr, "refuse: %s: %s\n", argv[i + 1], strerror(errno));
        return 125;
}
