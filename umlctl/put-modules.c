/* SPDX-License-Identifier: GPL-2.0-or-later */
/* put-modules.c - puts the modules that a guest needs into its image. */

#include <stdio.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/modules-record.h"
#include "basic/file-util.h"
#include "umlctl/put-modules.h"
#include "umlctl/say.h"

typedef struct Update {
        const char *guest;
        Workspace workspace;
        GuestModules modules;
} Update;

static void update_done(Update *u) {
        guest_modules_done(&u->modules);
        workspace_done(&u->workspace);
}

static int fail(const char *guest, int error, const char *what) {
        return fail_with(error == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: cannot %s: %s",
                         guest, what, strerror(-error));
}

int modules_named(const char *guest, Strv *named) {
        _cleanup_free_ char *release = NULL;
        int r = modules_record_read(guest, &release, named);

        return r < 0 && r != -ENOENT ? fail(guest, r, "read which modules it has") : 0;
}

static int put(Update *u, GuestImage *image, const ModulesNeed *need, Progress *progress) {
        _cleanup_free_ char *why = NULL;
        int r = workspace_make(&u->workspace, u->guest);

        if (r < 0)
                return fail(u->guest, r, "make a directory for it");
        r = guest_modules_pack(&u->modules, need, &u->workspace, progress, &why);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: %s", u->guest, why ?: strerror(-r));
        if (r == 0)
                return 0;
        const ImageChange change = { .release = u->modules.kernel->release,
                                     .modules = u->modules.archive };

        return guest_image_change(image, &change, progress);
}

static int remember(const Update *u) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, u->guest, MODULES_RECORD);
        const char *text = u->modules.record;
        int r = path ? write_file_atomic(path, text, strlen(text), 0644) : -ENOMEM;

        return r < 0 ? fail(u->guest, r, "record which modules it has") : 0;
}

static void say_done(const Update *u) {
        const KernelModules *m = &u->modules.wanted;

        if (u->modules.archive < 0) {
                printf("%s: Linux %s has all that it needs built in\n", u->guest,
                       m->kernel->release);
                return;
        }
        printf("%s: has the modules of Linux %s:", u->guest, m->kernel->release);
        for (size_t i = 0; i < m->names.n; i++)
                printf(" %s", m->names.v[i]);
        printf("%s\n", m->ipv6 ? " ipv6" : "");
}

int modules_put(GuestImage *image, const ModulesNeed *need, Progress *progress, bool quiet) {
        _cleanup_(update_done) Update u = { .guest = image->guest,
                                            .workspace = WORKSPACE_INIT,
                                            .modules = GUEST_MODULES_INIT };
        int r;

        workspace_sweep();
        r = put(&u, image, need, progress);
        if (r == 0)
                r = remember(&u);
        progress_end(progress);
        if (r == 0 && !quiet)
                say_done(&u);
        return r;
}
