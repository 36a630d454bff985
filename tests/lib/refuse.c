/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refuse.c - runs a program on a host that says EPERM to some of what it asks, as container hosts
 * do: a seccomp filter, which everything that it starts has too. */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

static const struct {
        const char *word;
        uint32_t call;
        unsigned argument;
        uint32_t bits; /* of that argument, any of which is refused; 0 = the call itself */
} refusals[] = {
        { "remount", SYS_mount, 3, MS_REMOUNT },
        { "mount", SYS_mount, 0, 0 },
        { "newns", SYS_unshare, 0, CLONE_NEWNS },
        /* Of what is asked of sockets only the level IPPROTO_IPV6 has this bit. */
        { "ip6tables", SYS_getsockopt, 1, 1 << 5 },
};

#define LOW_HALF(n)                                                                                \
        (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t) +                            \
         (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

static int refuse(const char *word) {
        FOREACH_ELEMENT (r, refusals) {
                if (!streq(r->word, word))
                        continue;
                struct sock_filter code[] = {
                        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 5),
                        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->call, 0, 3),
                        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_HALF(r->argument)),
                        r->bits ? (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, r->bits,
                                                                0, 1)
                                : (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                };
                const struct sock_fprog program = { ARRAY_SIZE(code), code };

                return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
        }
        return -EINVAL;
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
                fprintf(stderr, "usage: refuse remount|mount|newns|ip6tables… -- PROGRAM…\n");
                return 125;
        }
        (void) execvp(argv[i + 1], argv + i + 1);
        fprintf(stderr, "refuse: %s: %s\n", argv[i + 1], strerror(errno));
        return 125;
}
