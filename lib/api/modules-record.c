/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules-record.c - what is remembered of the kernel modules in a guest's image. */

#include <stdlib.h>
#include <string.h>

#include "api/dirs.h"
#include "api/modules-record.h"
#include "basic/file-util.h"

enum {
        RECORD_MAX = 64 * 1024,
};

int modules_record_read(const char *guest, char **ret_release, Strv *named) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, guest, MODULES_RECORD), *text = NULL,
                            *release = NULL;
        char *save = NULL, *line;
        ssize_t n = path ? read_file(path, RECORD_MAX, &text) : -ENOMEM;
        int r = 0;

        if (n < 0)
                return (int) n;
        line = strtok_r(text, "\n", &save);
        release = line ? strdup(line) : NULL;
        if (!release)
                return line ? -ENOMEM : -ENOENT;
        while (r >= 0 && (line = strtok_r(NULL, "\n", &save)))
                r = strv_push(named, line);
        if (r >= 0)
                *ret_release = TAKE_PTR(release);
        return r;
}

char *modules_record_text(const char *release, const Strv *named) {
        char *text = strfmt("%s\n", release);

        for (size_t i = 0; text && i < named->n; i++) {
                char *longer = strfmt("%s%s\n", text, named->v[i]);

                free(text);
                text = longer;
        }
        return text;
}
