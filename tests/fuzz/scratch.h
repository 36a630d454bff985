/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A directory for targets whose parser reads files; it is removed when the program ends. */

#include "fuzz.h"

#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/string-util.h"

static char scratch_path[] = "/tmp/umld-fuzz-XXXXXX";

static void scratch_remove(void) {
        (void) rm_rf(scratch_path);
}

/* Its path; created by the first call. */
static const char *scratch(void) {
        static bool made;

        if (!made) {
                assert(mkdtemp(scratch_path));
                assert(atexit(scratch_remove) == 0);
                made = true;
        }
        return scratch_path;
}

/* Writes this as a file in it, and returns its path, which the caller frees. */
static char *scratch_file(const char *name, const void *data, size_t size) {
        char *path = strfmt("%s/%s", scratch(), name);

        assert(path);
        assert(write_file_atomic(path, data, size, 0600) >= 0);
        return path;
}
