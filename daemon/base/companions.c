/* SPDX-License-Identifier: GPL-2.0-or-later */
/* companions.c - finds the other programs of umld and the objects to preload. */

#include "daemon/base/companions.h"
#include "basic/cleanup.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "umld-config.h"

static const struct {
        const char *in_build;  /* relative to the program's directory in a build tree */
        const char *in_prefix; /* relative to the program's directory in an installation */
        const char *installed;
} places[] = {
        [COMPANION_INIT] = { "umld-init", "../libexec/umld/umld-init",
                             UMLD_LIBEXECDIR "/umld-init" },
        [COMPANION_DISK_CHECK] = { "umld-disk-check", "../libexec/umld/umld-disk-check",
                                   UMLD_LIBEXECDIR "/umld-disk-check" },
        [COMPANION_NOTIFY] = { "umld-notify", "../libexec/umld/umld-notify",
                               UMLD_LIBEXECDIR "/umld-notify" },
        [COMPANION_MODULES] = { "../umlctl/umld-modules", "../libexec/umld/umld-modules",
                                UMLD_LIBEXECDIR "/umld-modules" },
        [COMPANION_CPU_FIX] = { "../lib/preload/umld-cpu-fix.so", "../lib/umld/umld-cpu-fix.so",
                                UMLD_LIBDIR "/umld-cpu-fix.so" },
        [COMPANION_CONSOLE_FIX] = { "../lib/preload/umld-console-fix.so",
                                    "../lib/umld/umld-console-fix.so",
                                    UMLD_LIBDIR "/umld-console-fix.so" },
        [COMPANION_TUN_FIX] = { "../lib/preload/umld-tun-fix.so", "../lib/umld/umld-tun-fix.so",
                                UMLD_LIBDIR "/umld-tun-fix.so" },
        [COMPANION_IMAGE_FIX] = { "../lib/preload/umld-image-fix.so",
                                  "../lib/umld/umld-image-fix.so",
                                  UMLD_LIBDIR "/umld-image-fix.so" },
        [COMPANION_GUEST_INIT] = { "../guest/umld-guest-init", "../libexec/umld/umld-guest-init",
                                   UMLD_LIBEXECDIR "/umld-guest-init" },
};
static_assert(ARRAY_SIZE(places) == COMPANION_MAX, "a place for every companion");

int companion_find(Companion which, char **ret_path) {
        const char *candidates[] = { places[which].in_build, places[which].in_prefix,
                                     places[which].installed };
        _cleanup_free_ char *directory = NULL;
        int r = program_directory(&directory);

        if (r == -ENOMEM)
                return r;
        FOREACH_ELEMENT (c, candidates) {
                bool absolute = (*c)[0] == '/';
                _cleanup_free_ char *path = NULL, *real = NULL;

                path = strfmt("%s%s%s", absolute || !directory ? "" : directory,
                              absolute ? "" : "/", *c);
                if (!path)
                        return -ENOMEM;
                real = realpath(path, NULL);
                if (real) {
                        *ret_path = TAKE_PTR(real);
                        return 0;
                }
        }
        *ret_path = strdup(places[which].installed);
        return *ret_path ? -ENOENT : -ENOMEM;
}
