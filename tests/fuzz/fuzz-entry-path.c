/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-entry-path.c - any bytes as the name of an archive's entry: refused with a reason, or a path
 * that stays in the tree. */

#include "fuzz.h"

#include <stdlib.h>

#include "basic/cleanup.h"
#include "image/entry-path.h"

static void check_path(const char *path) {
        size_t size = strlen(path);

        assert(size <= ENTRY_PATH_MAX);
        assert(size == 0 || (path[0] != '/' && path[size - 1] != '/'));
        for (const char *p = path; *p;) {
                size_t n = strcspn(p, "/");

                assert(n > 0 && n <= ENTRY_NAME_MAX);
                assert(strncmp(p, "..", n) != 0 || n > 2); /* neither "." nor ".." */
                p += n + (p[n] == '/');
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *name = strndup((const char *) data, size);
        char path[ENTRY_PATH_MAX + 1], again[ENTRY_PATH_MAX + 1];
        const char *why = NULL;

        assert(name);
        if (entry_path_parse(name, path, &why) < 0) {
                assert(why);
                return 0;
        }
        assert(!why);
        check_path(path);
        if (*path) {
                assert(entry_path_parse(path, again, &why) == 0);
                assert(streq(path, again));
        }
        return 0;
}
