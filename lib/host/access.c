/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access.c - checks what another user may access. */

#include <grp.h>
#include <unistd.h>

#include "host/access.h"

#define PATIENCE (10 * USEC_PER_SEC)

enum {
        ANSWER_YES = 0,
        ANSWER_NO = 1, /* plus the index; negative: it cannot be told */
};

typedef struct Question {
        uid_t uid;
        const AccessWish *wishes;
        size_t n;
} Question;

static int find_answer(const Question *q) {
        if (setgroups(0, NULL) < 0 || setresgid(q->uid, q->uid, q->uid) < 0 ||
            setresuid(q->uid, q->uid, q->uid) < 0)
                return -errno;
        for (size_t i = 0; i < q->n; i++)
                if (access(q->wishes[i].path, q->wishes[i].mode) < 0 &&
                    !(q->wishes[i].optional && errno == ENOENT))
                        return (int) i + ANSWER_NO;
        return ANSWER_YES;
}

static int run(int output, void *userdata) {
        int answer = find_answer(userdata);

        return write(output, &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1;
}

int access_as_user(Child *question, uid_t uid, const AccessWish *wishes, size_t n,
                   size_t *ret_which) {
        Question q = { uid, wishes, n };
        int answer = -EIO, r;

        r = child_there(question)
                    ? 0
                    : child_start(question, &(const ChildWish){ .run = run,
                                                                .userdata = &q,
                                                                .patience = PATIENCE,
                                                                .keep = sizeof(answer) });
        if (r >= 0)
                r = child_poll(question);
        if (r == 0)
                return -EAGAIN;
        if (r > 0 && child_told(question, &answer, sizeof(answer)))
                r = MIN(answer, 0);
        else if (r > 0)
                r = -EIO;
        child_done(question);
        if (r < 0 || answer == ANSWER_YES)
                return r;
        *ret_which = (size_t) (answer - ANSWER_NO);
        return -EACCES;
}
