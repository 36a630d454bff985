/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places.c - finds out which of umld's own directories are on a network file system or FUSE, and
 * whether that responds. */

#include <unistd.h>

#include "api/dirs.h"
#include "basic/child.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/base/places.h"
#include "host/distant.h"

#define PATIENCE (10 * USEC_PER_SEC)

enum {
        /* What the child writes of each, in their order. */
        LOCAL = 'l',
        DISTANT = 'd',
};

static char *distant; /* the sentence */

static char *path_of(UmldDir dir, const char *name) {
        return dir == DIR_CONFIG ? umld_config_path(name) : umld_path(dir, name, NULL);
}

static int run(int output, void *userdata) {
        const char *name = userdata;

        for (UmldDir d = 0; d < UMLD_DIR_MAX; d++) {
                _cleanup_free_ char *path = path_of(d, name);
                char found = path && path_is_distant(path) ? DISTANT : LOCAL;

                if (!path || write(output, &found, 1) != 1)
                        return 1;
        }
        return 0;
}

static int say_silent(const char *name, size_t n) {
        _cleanup_free_ char *path = path_of((UmldDir) MIN(n, (size_t) UMLD_DIR_MAX - 1), name);

        return log_error_errno(-ETIMEDOUT,
                               "%s: its file system does not respond; if that is the server of a "
                               "network file system, start it again, or unmount it",
                               path ?: name);
}

static int note(UmldDir dir, const char *name) {
        _cleanup_free_ char *path = path_of(dir, name), *before = distant;

        distant = NULL;
        if (!path)
                return log_oom();
        log_warning("%s: is on a network file system or FUSE, for which umld waits when it does "
                    "not respond; use a local one, or set %s",
                    path, umld_dir_variable(dir));
        distant = before ? strfmt("%s, %s", before, path) : TAKE_PTR(path);
        return distant ? 0 : log_oom();
}

int places_look(const char *name, bool runs) {
        const ChildWish wish = { .run = run,
                                 .userdata = (char *) name,
                                 .patience = runs ? USEC_INFINITY : PATIENCE,
                                 .keep = UMLD_DIR_MAX };
        Child child = {};
        int r = child_start(&child, &wish);

        if (r >= 0)
                r = child_wait(&child);
        if (r == -ETIMEDOUT)
                r = say_silent(name, child.n_said);
        else if (r < 0)
                log_error_errno(r, "cannot look at the directories of the guest: %m");
        for (size_t d = 0; r >= 0 && d < child.n_said; d++)
                if (child.said[d] == DISTANT)
                        r = note((UmldDir) d, name);
        child_done(&child);
        return MIN(r, 0);
}

const char *places_distant(void) {
        return distant;
}
