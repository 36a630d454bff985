/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-uid.c - allocates a user id for each guest. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "host/accounts.h"
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

int guest_uid_get(const char *state_dir, const char *name, uid_t *ret) {
        _cleanup_free_ char *path = strfmt("%s/%s/uid", state_dir, name);
        _cleanup_close_ int lock = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool taken[GUEST_UID_LAST - GUEST_UID_FIRST + 1] = {};
        char text[16];
        uid_t uid;
        int r, n;

        if (lock < 0 || flock(lock, LOCK_EX) < 0)
                return -errno;
        if (!path)
                return -ENOMEM;
        if (read_uid(state_dir, name, ret) >= 0)
                return 0;
        r = mark_taken(state_dir, taken);
        if (r < 0)
                return r;
        r = account_free_uid(GUEST_UID_FIRST, GUEST_UID_LAST, taken, &uid);
        if (r < 0)
                return r;
        n = snprintf(text, sizeof(text), "%u\n", (unsigned) uid);
        r = write_file_atomic(path, text, (size_t) n, 0644);
        if (r >= 0)
                *ret = uid;
        return r;
}
