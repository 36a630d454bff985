/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accounts.c - looks up users and groups without keeping the memory that this takes. */

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "host/accounts.h"

typedef struct Answer {
        int error; /* negative errno */
        uint32_t id;
} Answer;

/* The query; exactly one is set. */
typedef struct Question {
        const char *user, *group;
        uid_t first, last;
        const bool *taken;
} Question;

static Answer look_up(const Question *q) {
        const struct passwd *pw;
        const struct group *gr;

        if (q->user) {
                pw = getpwnam(q->user);
                return pw ? (Answer){ .id = pw->pw_uid } : (Answer){ .error = -ENOENT };
        }
        if (q->group) {
                gr = getgrnam(q->group);
                return gr ? (Answer){ .id = gr->gr_gid } : (Answer){ .error = -ENOENT };
        }
        for (uid_t uid = q->first; uid <= q->last; uid++)
                if (!q->taken[uid - q->first] && !getpwuid(uid))
                        return (Answer){ .id = uid };
        return (Answer){ .error = -EUSERS };
}

static int ask(const Question *q, uint32_t *ret) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        Answer a = { .error = -EIO };
        int fds[2];
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        ours = fds[0];
        theirs = fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                a = look_up(q);
                _exit(write_all(theirs, &a, sizeof(a)) < 0);
        }
        theirs = safe_close(theirs);
        if (read_all(ours, &a, sizeof(a)) != sizeof(a))
                a.error = -EIO; /* it was killed */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        *ret = a.id;
        return a.error;
}

int account_user(const char *name, uid_t *ret) {
        const Question q = { .user = name };

        return ask(&q, ret);
}

int account_group(const char *name, gid_t *ret) {
        const Question q = { .group = name };

        return ask(&q, ret);
}

int account_free_uid(uid_t first, uid_t last, const bool *taken, uid_t *ret) {
        const Question q = { .first = first, .last = last, .taken = taken };

        return ask(&q, ret);
}

gid_t account_readers(void) {
        static gid_t readers = (gid_t) -1;
        static bool asked = false;

        if (!asked && account_group("umld", &readers) < 0)
                readers = (gid_t) -1;
        asked = true;
        return readers;
}
