/* SPDX-License-Identifier: GPL-2.0-or-later */
/* old-host.c - runs a program as an old container host would: without the newer system calls, and
 * without namespaces and cgroups to be had.
 *
 * usage: old-host COMMAND… */

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/macro.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(v)   BPF_STMT(BPF_RET | BPF_K, (v))
#define DENY(e)     RETURN(SECCOMP_RET_ERRNO | ((e) &SECCOMP_RET_DATA))

/* Not there: what came after Linux 3.10. */
#define MISSING(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), DENY(ENOSYS)

/* Refused: its first argument, little-endian, with one of these flags. */
#define REFUSED(number, flags)                                                                     \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4), LOAD(args[0]),                        \
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (flags), 0, 1), DENY(EPERM), LOAD(nr)

enum {
        NAMESPACES = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWNET |
                     CLONE_NEWUTS,
};

int main(int argc, char **argv) {
        struct sock_filter filter[] = {
                LOAD(nr),
                MISSING(SYS_seccomp),
                MISSING(SYS_getrandom),
                MISSING(SYS_memfd_create),
                MISSING(SYS_execveat),
                MISSING(SYS_copy_file_range),
                MISSING(SYS_statx),
                MISSING(SYS_pidfd_send_signal),
                MISSING(SYS_pidfd_open),
                MISSING(SYS_clone3),
                /* Those that Debian 11's headers do not name. */
                MISSING(436), /* close_range */
                MISSING(437), /* openat2 */
                MISSING(438), /* pidfd_getfd */
                MISSING(439), /* faccessat2 */
                MISSING(441), /* epoll_pwait2 */
                REFUSED(SYS_clone, NAMESPACES),
                REFUSED(SYS_unshare, NAMESPACES),
                RETURN(SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

        if (argc < 2) {
                fprintf(stderr, "usage: old-host COMMAND…\n");
                return 2;
        }
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
                fprintf(stderr, "old-host: cannot set the filter: %s\n", strerror(errno));
                return 1;
        }
        execvp(argv[1], argv + 1);
        fprintf(stderr, "old-host: %s: %s\n", argv[1], strerror(errno));
        return 127;
}
