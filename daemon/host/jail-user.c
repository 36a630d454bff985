/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-user.c - the user that the guest's processes run as, its directory, and whether it can
 * access what it needs. */

#include <stdio.h>

#include "api/dirs.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "daemon/host/host.h"
#include "host/access.h"
#include "host/accounts.h"
#include "host/guest-uid.h"

#define UID_NOBODY 65534

static int wait_for_answer(const Child *question, Fault *f) {
        return fault_wait(f, VERDICT_USAGE, question->output, "the look-up of a user");
}

static int wait_for_access(const Child *question, Fault *f) {
        return fault_wait(f, VERDICT_USAGE, question->output,
                          "the check of what the guest's user may access");
}

static int own_user(Host *h, uid_t *ret, Fault *f) {
        Child *question = &h->jail.question;
        int r = guest_uid_get(umld_dir(DIR_STATE), h->config->name, question, ret);

        if (r == -EAGAIN)
                return child_there(question)
                               ? wait_for_answer(question, f)
                               : lock_wait(&h->jail.lock_wait, VERDICT_USAGE,
                                           "the lock of the user ids", umld_dir(DIR_STATE), f);
        child_done(question);
        lock_had(&h->jail.lock_wait);
        if (r < 0)
                return fault_set(f, VERDICT_USAGE, false, r,
                                 "User=auto: cannot allocate a user for the guest in %s/%s/uid: %m",
                                 umld_dir(DIR_STATE), h->config->name);
        return 0;
}

static int resolve_user(Host *h, uid_t *ret, Fault *f) {
        const char *user = h->config->user;
        Child *question = &h->jail.question;
        uint64_t uid;
        int r;

        if (streq(user, "auto"))
                return own_user(h, ret, f);
        if (parse_unsigned(user, 0, UINT32_MAX - 1, &uid) >= 0) {
                *ret = (uid_t) uid;
                return 0;
        }
        r = child_there(question) ? 0 : account_ask_user(user, question);
        if (r >= 0)
                r = account_answer(question, ret);
        if (r == -EAGAIN)
                return wait_for_answer(question, f);
        if (r == -ENOENT)
                return fault_set(f, VERDICT_USAGE, false, r,
                                 "User=%s: no such user; use auto, or the name or number of a user",
                                 user);
        if (r < 0)
                return fault_set(f, VERDICT_USAGE, true, r, "User=%s: cannot look it up: %m", user);
        return 0;
}

/* Only what says so runs as root. */
static int find_user(Host *h, uid_t *ret, Fault *f) {
        int r = resolve_user(h, ret, f);

        if (r >= 0 && *ret == 0 && layer_wanted(h, CONFINE_USER))
                return fault_set(f, VERDICT_USAGE, false, -EPERM,
                                 "User=%s: is root by another name; use auto, or root if the guest "
                                 "is to run as root",
                                 h->config->user);
        return r;
}

static void say_user(Host *h) {
        char text[32];

        snprintf(text, sizeof(text), "uid %u", (unsigned) h->jail.uid);
        if (layer_wanted(h, CONFINE_USER))
                layer_set_on(h, CONFINE_USER, text);
}

int jail_user_up(Host *h, Fault *f) {
        uid_t uid;
        int r;

        if (h->is_up && !h->quiet)
                return jail_dirs_up(h, f);
        if (h->quiet && streq(h->config->user, "auto")) {
                h->jail.likely_uid = UID_NOBODY; /* one is allocated only for a real start */
                return 0;
        }
        r = find_user(h, &uid, f);
        if (r >= 0 && h->quiet)
                h->jail.likely_uid = uid;
        if (r < 0 || h->quiet)
                return r;
        if (h->jail.uid != uid) {
                jail_drop_mount_ns(&h->jail);
                child_done(&h->jail.reach);
                h->jail.reachable = false;
        }
        h->jail.uid = uid;
        say_user(h);
        r = ledger_note_user(&h->ledger, uid);
        if (r < 0)
                return fault_set(f, VERDICT_DISK, true, r, "%s: cannot record what is changed: %m",
                                 h->ledger.file);
        return jail_dirs_up(h, f);
}

int jail_user_down(Host *h, Fault *f) {
        int r = jail_dirs_down(h, f);

        if (r == -EAGAIN)
                return r;
        jail_drop_mount_ns(&h->jail);
        child_done(&h->jail.reach);
        h->jail.reachable = false;
        return r;
}

/* Everything that the guest's user must be able to access; disks twice because of their
 * copy-on-write files. */
enum {
        WISHES_MAX = 2 * CONFIG_DISKS_MAX + 5,
};

static size_t collect_wishes(const Host *h, AccessWish wishes[static WISHES_MAX]) {
        const Config *c = h->config;
        size_t n = 0;

        wishes[n++] = (AccessWish){ config_kernel(c), R_OK | X_OK };
        wishes[n++] = (AccessWish){ h->uml_dir, W_OK | X_OK };
        wishes[n++] = (AccessWish){ h->memory.path, W_OK | X_OK };
        if (h->kernel.cpu_fix)
                wishes[n++] = (AccessWish){ h->kernel.cpu_fix, R_OK };
        if (h->kernel.console_fix)
                wishes[n++] = (AccessWish){ h->kernel.console_fix, R_OK };
        for (size_t i = 0; i < c->n_disks; i++) {
                const Disk *d = &c->disks[i];

                wishes[n++] = (AccessWish){ d->path, d->read_only || d->cow ? R_OK : R_OK | W_OK };
                if (d->cow)
                        wishes[n++] = (AccessWish){ d->cow, R_OK | W_OK, .optional = true };
        }
        return n;
}

/* What a check can tell before anything has been made or given to the guest's user: whether the
 * directories let that user through. */
static int reach_before_setup(Host *h, Fault *f) {
        AccessWish wishes[CONFIG_DISKS_MAX + 1] = {};
        const Config *c = h->config;
        size_t n = 0, which = 0;
        int r;

        if (h->jail.likely_uid == 0 || geteuid() != 0)
                return 0;
        wishes[n++] = (AccessWish){ config_kernel(c), R_OK | X_OK };
        for (size_t i = 0; i < c->n_disks; i++)
                wishes[n++] = (AccessWish){ c->disks[i].path, F_OK, .optional = true };
        r = access_as_user(&h->jail.reach, h->jail.likely_uid, wishes, n, &which);
        if (r == -EAGAIN)
                return wait_for_access(&h->jail.reach, f);
        if (r != -EACCES)
                return 0;
        return fault_set(
                f, VERDICT_USAGE, false, -EACCES,
                "%s: the guest's user cannot %s it; move it to a place that every user may "
                "access (not below a 0700 directory such as /root), or set User=root",
                wishes[which].path, wishes[which].mode == F_OK ? "reach" : "use");
}

int jail_reach_up(Host *h, Fault *f) {
        AccessWish wishes[WISHES_MAX] = {};
        size_t n, which = 0;
        int r;

        if (h->quiet)
                return reach_before_setup(h, f);
        if (h->jail.reachable || h->jail.uid == 0)
                return 0;
        n = collect_wishes(h, wishes);
        r = access_as_user(&h->jail.reach, h->jail.uid, wishes, n, &which);
        if (r == -EAGAIN)
                return wait_for_access(&h->jail.reach, f);
        if (r == -EACCES)
                return fault_set(
                        f, VERDICT_USAGE, false, r,
                        "%s: the guest's user %u cannot %s it; move it to a place that every user "
                        "may access (not below a 0700 directory such as /root), or set User=root",
                        wishes[which].path, (unsigned) h->jail.uid,
                        wishes[which].mode & X_OK   ? "use"
                        : wishes[which].mode & W_OK ? "write"
                                                    : "read");
        if (r < 0)
                return fault_set(f, VERDICT_USAGE, true, r,
                                 "cannot determine what the guest's user %u may access: %m",
                                 (unsigned) h->jail.uid);
        h->jail.reachable = true;
        return 0;
}
