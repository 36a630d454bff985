/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-modules.c - modules: those that a guest's kernel needs, put into the guest's image. */

#include <stdio.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "uml/kernel-probe.h"
#include "umlctl/guest-image.h"
#include "umlctl/guest-modules.h"
#include "umlctl/interrupt.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

typedef struct Update {
        const Options *options;
        const char *guest;
        Workspace workspace;
        Progress progress;
        GuestImage image;
        GuestModules modules;
        Strv named;
} Update;

#define UPDATE(o, name)                                                                            \
        {                                                                                          \
                .options = (o), .guest = (name), .workspace = WORKSPACE_INIT,                      \
                .image = GUEST_IMAGE_INIT, .modules = GUEST_MODULES_INIT,                          \
        }

static void update_done(Update *u) {
        progress_end(&u->progress);
        guest_image_done(&u->image);
        guest_modules_done(&u->modules);
        workspace_done(&u->workspace);
        strv_done(&u->named);
}

static int fail(const Update *u, int error, const char *what) {
        return fail_with(error == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: cannot %s: %s",
                         u->guest, what, strerror(-error));
}

/* Without names those of the last time. */
static int read_names(Update *u) {
        _cleanup_free_ char *release = NULL;
        int r = 0;

        for (char *const *word = u->options->words; r >= 0 && *word; word++)
                r = strv_push(&u->named, *word);
        if (r >= 0 && u->named.n == 0)
                r = guest_modules_remembered(u->guest, &release, &u->named);
        return r < 0 && r != -ENOENT ? fail(u, r, "read which modules it has") : 0;
}

static int put(Update *u) {
        const Options *o = u->options;
        _cleanup_free_ char *why = NULL;
        int r = workspace_make(&u->workspace, u->guest);

        if (r < 0)
                return fail(u, r, "make a directory for it");
        r = guest_modules_pack(&u->modules, u->image.config, o->create.modules, &u->named,
                               &u->workspace, &u->progress, &why);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: %s", u->guest, why ?: strerror(-r));
        if (r == 0)
                return 0;
        const ImageChange change = { .release = u->modules.kernel->release,
                                     .modules = u->modules.archive };

        return guest_image_change(&u->image, &change, &u->progress);
}

static int remember(const Update *u) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, u->guest, GUEST_MODULES_FILE);
        const char *text = u->modules.record;
        int r = path ? write_file_atomic(path, text, strlen(text), 0644) : -ENOMEM;

        return r < 0 ? fail(u, r, "record which modules it has") : 0;
}

static void say_done(const Update *u) {
        const KernelModules *m = &u->modules.wanted;

        if (u->options->quiet)
                return;
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

static int update(Update *u) {
        int r;

        interrupt_block();
        progress_begin(&u->progress, u->guest, !u->options->quiet);
        workspace_sweep();
        r = guest_image_open(&u->image, u->guest);
        if (r == 0)
                r = read_names(u);
        if (r == 0)
                r = put(u);
        if (r == 0)
                r = remember(u);
        progress_end(&u->progress);
        if (r == 0)
                say_done(u);
        return r;
}

int verb_modules(const Options *o, const char *guest) {
        _cleanup_(update_done) Update u = UPDATE(o, guest);

        return update(&u);
}

/* ---- before a start ---- */

/* Does the image have the modules of another kernel than that of the configuration? */
static bool kernel_changed(const char *guest) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, guest, "root.img"),
                            *file = umld_config_path(guest), *release = NULL, *why = NULL;
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_strv_ Strv named = {};

        return guest_modules_remembered(guest, &release, &named) >= 0 && disk && file &&
               config_load(guest, file, disk, &c, &why) >= 0 &&
               uml_kernel_probe(config_kernel(c), MODULES_PROBE_TIMEOUT, &k, &why) >= 0 &&
               !streq(k->release, release);
}

void modules_follow(const Options *o, const char *guest) {
        static char *const none[] = { NULL };
        Options own = *o;
        _cleanup_(update_done) Update u = UPDATE(&own, guest);
        sigset_t mask;

        if (!kernel_changed(guest) || sigprocmask(SIG_BLOCK, NULL, &mask) < 0)
                return;
        own.words = none;
        if (update(&u) != 0)
                note("%s: starts without the modules of its kernel", guest);
        (void) sigprocmask(SIG_SETMASK, &mask, NULL);
}
