/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dirs.c - the four directories and their overrides. */

#include <stdlib.h>

#include "api/dirs.h"
#include "basic/string-util.h"

static const struct {
        const char *variable, *path;
} dirs[] = {
        [DIR_CONFIG] = { "UMLD_CONFIG_DIR", "/etc/umld" },
        [DIR_RUNTIME] = { "UMLD_RUNTIME_DIR", "/run/umld" },
        [DIR_STATE] = { "UMLD_STATE_DIR", "/var/lib/umld" },
        [DIR_LOG] = { "UMLD_LOG_DIR", "/var/log/umld" },
};
static_assert(ARRAY_SIZE(dirs) == UMLD_DIR_MAX, "every directory has its row");

const char *umld_dir_variable(UmldDir dir) {
        return dirs[dir].variable;
}

const char *umld_dir(UmldDir dir) {
        const char *e = getenv(dirs[dir].variable);

        if (isempty(e))
                return dirs[dir].path;
        return e[0] == '/' ? e : NULL;
}

bool umld_dirs_overridden(void) {
        FOREACH_ELEMENT (d, dirs)
                if (!isempty(getenv(d->variable)))
                        return true;
        return false;
}

char *umld_path(UmldDir dir, const char *name, const char *file) {
        return strfmt("%s/%s%s%s", umld_dir(dir), name, file ? "/" : "", file ?: "");
}

char *umld_config_path(const char *name) {
        return strfmt("%s/%s.conf", umld_dir(DIR_CONFIG), name);
}
