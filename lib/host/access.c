/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access.c - checks what another user may access. */

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/access.h"

enum {
        CHILD_YES = 0,
        CHILD_BROKEN = 1,
        CHILD_NO = 2, /* plus the index */
};

static _noreturn_ void ask(uid_t uid, const AccessWish *wishes, size_t n) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                _exit(CHILD_BROKEN);
        for (size_t i = 0; i < n; i++)
                if (access(wishes[i].path, wishes[i].mode) < 0)
                        _exit((int) i + CHILD_NO);
        _exit(CHILD_YES);
}

int access_as_user(uid_t uid, const AccessWish *wishes, size_t n, size_t *ret_which) {
        int status;
        pid_t pid;

        assert(n <= 250 - CHILD_NO);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                ask(uid, wishes, n);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status) || WEXITSTATUS(status) == CHILD_BROKEN)
                return -EIO;
        if (WEXITSTATUS(status) == CHILD_YES)
                return 0;
        *ret_which = (size_t) (WEXITSTATUS(status) - CHILD_NO);
        return -EACCES;
}
