/* SPDX-License-Identifier: GPL-2.0-or-later */
/* programs.c - finding the other programs of umld. */

#include <stdlib.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "umlctl/programs.h"
#include "umld-config.h"

enum {
        PLACES_MAX = 3,
};

static const struct {
        const char *variable;
        const char *places[PLACES_MAX]; /* relative to this program */
        const char *installed;
} programs[] = {
        [PROGRAM_UMLD] = { "UMLD_DAEMON",
                           { "umld", "../sbin/umld", "../daemon/umld" },
                           UMLD_SBINDIR "/umld" },
        [PROGRAM_KEEPER] = { "UMLD_KEEPER",
                             { "../libexec/umld/umld-keeper", "../daemon/umld-keeper" },
                             UMLD_LIBEXECDIR "/umld-keeper" },
        [PROGRAM_IMAGE] = { "UMLD_IMAGE",
                            { "../libexec/umld/umld-image", "../imager/umld-image" },
                            UMLD_LIBEXECDIR "/umld-image" },
        [PROGRAM_FETCH] = { "UMLD_FETCH",
                            { "../libexec/umld/umld-fetch", "../imager/umld-fetch" },
                            UMLD_LIBEXECDIR "/umld-fetch" },
        [PROGRAM_GUEST_INIT] = { "UMLD_GUEST_INIT",
                                 { "../libexec/umld/umld-guest-init", "../guest/umld-guest-init" },
                                 UMLD_LIBEXECDIR "/umld-guest-init" },
        [PROGRAM_RECIPES] = { "UMLD_RECIPES",
                              { "../share/umld/recipes", "../recipes" },
                              UMLD_DATADIR "/recipes" },
};
static_assert(ARRAY_SIZE(programs) == PROGRAM_MAX, "a row for each program");

int program_find(Program which, char **ret) {
        const char *e = getenv(programs[which].variable);
        _cleanup_free_ char *dir = NULL;
        int r;

        if (!isempty(e)) {
                *ret = realpath(e, NULL)
                               ?: strdup(e); /* it may be started with another working directory */
                return *ret ? 0 : -ENOMEM;
        }
        r = program_directory(&dir);
        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; r >= 0 && i < PLACES_MAX && programs[which].places[i]; i++) {
                _cleanup_free_ char *path = strfmt("%s/%s", dir, programs[which].places[i]);

                if (!path)
                        return -ENOMEM;
                if (access(path, X_OK) >= 0) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
        }
        *ret = strdup(programs[which].installed);
        return *ret ? 0 : -ENOMEM;
}

int push_unprivileged(Strv *argv) {
        static const char *const words[] = { "setpriv",        "--reuid=65534",
                                             "--regid=65534",  "--clear-groups",
                                             "--no-new-privs", "--bounding-set=-all",
                                             "--inh-caps=-all" };
        int r = 0;

        for (size_t i = 0; geteuid() == 0 && r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(argv, words[i]);
        return r;
}
