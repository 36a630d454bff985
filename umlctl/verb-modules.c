/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-modules.c - modules: those that a guest's kernel needs, put into the guest's image. */

#include "umlctl/interrupt.h"
#include "umlctl/put-modules.h"
#include "umlctl/verbs.h"

/* Without names those of the last time. */
static int choose_names(const Options *o, const char *guest, Strv *named) {
        int r = 0;

        for (char *const *word = o->words; r >= 0 && *word; word++)
                r = strv_push(named, *word);
        return r >= 0 && named->n == 0 ? modules_named(guest, named) : r;
}

static int update(const Options *o, GuestImage *image, Progress *progress) {
        const Config *c = image->config;
        _cleanup_strv_ Strv named = {};
        const ModulesNeed need = { .kernel = config_kernel(c),
                                   .dir = o->create.modules,
                                   .fast_network = c->fast_network,
                                   .ipv6 = config_has_ipv6(c),
                                   .named = &named };
        int r = choose_names(o, image->guest, &named);

        return r == 0 ? modules_put(image, &need, progress, o->quiet) : r;
}

int verb_modules(const Options *o, const char *guest) {
        _cleanup_(guest_image_done) GuestImage image = GUEST_IMAGE_INIT;
        Progress progress = {};
        int r;

        interrupt_block();
        progress_begin(&progress, guest, !o->quiet);
        r = guest_image_open(&image, guest);
        if (r == 0)
                r = update(o, &image, &progress);
        progress_end(&progress);
        return r;
}
