/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-uid.c - allocates a user id for each guest. */

#include <fcntl.h>
#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "host/accounts.h"
#include "host/file-lock.h"
#include "host/guest-uid.h"

static int read_uid(const char *state_dir, const char *name, uid_t *ret) {
        _cleanup_free_ char *path = strfmt("%s/%s/uid", state_dir, name), *text = NULL;
        uint64_t uid;
        int r;

        if (!path)
                return -ENOMEM;
        r = read_first_line(path, &text);
        if (r < 0)
                return r;
        r = parse_unsigned(text, GUEST_UID_FIRST, GUEST_UID_LAST, &uid);
        if (r >= 0)
                *ret = (uid_t) uid;
        return r;
}

static int mark_taken(const char *state_dir,
                      bool taken[static GUEST_UID_LAST - GUEST_UID_FIRST + 1]) {
        _cleanup_closedir_ DIR *d = opendir(state_dir);
        struct dirent *de;

        if (!d)
                return -errno;
        while ((de = readdir(d))) {
                uid_t uid;

                if (guest_name_valid(de->d_name) && read_uid(state_dir, de->d_name, &uid) >= 0)
                        taken[uid - GUEST_UID_FIRST] = true;
        }
        return 0;
}

static int note_uid(const char *state_dir, const char *name, uid_t uid) {
        _cleanup_free_ char *path = strfmt("%s/%s/uid", state_dir, name);
        char text[16];
        int n = snprintf(text, sizeof(text), "%u\n", (unsigned) uid);

        return path ? write_file_atomic(path, text, (size_t) n, 0644) : -ENOMEM;
}

/* Under the lock. Between question and answer it was not held: another guest may have taken the
 * user meanwhile. */
static int choose_uid(const char *state_dir, const char *name, Child *question, uid_t *ret) {
        bool taken[GUEST_UID_LAST - GUEST_UID_FIRST + 1] = {};
        int r = mark_taken(state_dir, taken);
        uid_t uid;

        if (r < 0)
                return r;
        if (!child_there(question)) {
                r = account_ask_free_uid(GUEST_UID_FIRST, GUEST_UID_LAST, taken, question);
                return r < 0 ? r : -EAGAIN;
        }
        r = account_answer(question, &uid);
        if (r < 0)
                return r;
        if (taken[uid - GUEST_UID_FIRST])
                return -EAGAIN;
        r = note_uid(state_dir, name, uid);
        if (r >= 0)
                *ret = uid;
        return r;
}

int guest_uid_get(const char *state_dir, const char *name, Child *question, uid_t *ret) {
        _cleanup_close_ int lock = -EBADF;
        int r = read_uid(state_dir, name, ret);

        if (r >= 0)
                return 0;
        lock = file_lock(state_dir, O_RDONLY | O_DIRECTORY, 0);
        return lock < 0 ? lock : choose_uid(state_dir, name, question, ret);
}
