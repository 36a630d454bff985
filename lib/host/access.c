/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access.c - checks what another user may access. */

#include <grp.h>
#include <unistd.h>

#include "basic/spawn.h"
#include "host/access.h"

enum {
        CHILD_YES = 0,
        CHILD_BROKEN = 1,
        CHILD_NO = 2, /* plus the index */
};

typedef struct Question {
        uid_t uid;
        const AccessWish *wishes;
        size_t n;
} Question;

static int ask(void *userdata) {
        const Question *q = userdata;

        if (setgroups(0, NULL) < 0 || setresgid(q->uid, q->uid, q->uid) < 0 ||
            setresuid(q->uid, q->uid, q->uid) < 0)
                return CHILD_BROKEN;
        for (size_t i = 0; i < q->n; i++)
                if (access(q->wishes[i].path, q->wishes[i].mode) < 0)
                        return (int) i + CHILD_NO;
        return CHILD_YES;
}

int access_as_user(uid_t uid, const AccessWish *wishes, size_t n, size_t *ret_which) {
        Question q = { uid, wishes, n };
        pid_t pid;
        int r;

        assert(n <= SPAWN_FAILED - CHILD_NO);
        r = spawn(&(const Spawn){ .run = ask, .userdata = &q }, &pid);
        if (r < 0)
                return r;
        r = spawn_wait_exit(pid);
        if (r < 0 || r == CHILD_BROKEN || r == SPAWN_FAILED)
                return r < 0 ? r : -EIO;
        if (r == CHILD_YES)
                return 0;
        *ret_which = (size_t) (r - CHILD_NO);
        return -EACCES;
}
