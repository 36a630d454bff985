/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accounts.c - looks up users and groups without keeping the memory that this takes. */

#include <grp.h>
#include <pwd.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "host/accounts.h"

#define READERS  "umld"
#define PATIENCE (30 * USEC_PER_SEC) /* of who can ask again later */
#define MOMENT   (100 * USEC_PER_MSEC)

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

static int look_up_child(int output, void *question) {
        Answer a = look_up(question);

        return write_all(output, &a, sizeof(a)) < 0;
}

static int ask(Question *q, usec_t patience, Child *ret) {
        return child_start(ret, &(const ChildWish){ .run = look_up_child,
                                                    .userdata = q,
                                                    .patience = patience,
                                                    .keep = sizeof(Answer) });
}

int account_ask_user(const char *name, Child *ret) {
        Question q = { .user = name };

        return ask(&q, PATIENCE, ret);
}

int account_ask_free_uid(uid_t first, uid_t last, const bool *taken, Child *ret) {
        Question q = { .first = first, .last = last, .taken = taken };

        return ask(&q, PATIENCE, ret);
}

int account_answer(Child *c, uid_t *ret) {
        Answer a = { .error = -EIO }; /* it was killed */
        int r = child_poll(c);

        if (r == 0)
                return -EAGAIN;
        if (r > 0 && c->n_said == sizeof(a))
                memcpy(&a, c->said, sizeof(a));
        child_done(c);
        if (r < 0 || a.error < 0)
                return MIN(r, a.error);
        *ret = a.id;
        return 0;
}

/* -ENOENT: it is not in the file. */
static int find_in_file(const char *group, gid_t *ret) {
        _cleanup_fclose_ FILE *f = fopen("/etc/group", "re");
        const struct group *gr;

        while (f && (gr = fgetgrent(f)))
                if (streq(gr->gr_name, group)) {
                        *ret = gr->gr_gid;
                        return 0;
                }
        return -ENOENT;
}

gid_t account_readers(void) {
        static gid_t readers = (gid_t) -1;
        static bool asked = false;
        Question q = { .group = READERS };
        Child c = {};
        gid_t found;

        if (asked)
                return readers;
        asked = true;
        if (find_in_file(READERS, &found) >= 0 ||
            (ask(&q, MOMENT, &c) >= 0 && child_wait(&c) > 0 && account_answer(&c, &found) >= 0))
                readers = found;
        child_done(&c);
        return readers;
}
