/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xtables-lock.c - the lock that serialises changes to the legacy tables. */

#include <fcntl.h>
#include <stdlib.h>

#include "host/file-lock.h"
#include "nat/xtables-lock.h"

#define LOCK_FILE "/run/xtables.lock"

const char *xtables_lock_file(void) {
        const char *path = getenv("XTABLES_LOCKFILE");

        return isempty(path) ? LOCK_FILE : path;
}

int xtables_lock(void) {
        return file_lock(xtables_lock_file(), O_RDONLY | O_CREAT, 0600);
}
