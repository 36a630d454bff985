/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-resize.c - resize: makes the image of a guest larger. */

#include <stdio.h>
#include <sys/stat.h>

#include "api/exit-codes.h"
#include "basic/parse-util.h"
#include "umlctl/guest-image.h"
#include "umlctl/interrupt.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

static int check_size(const GuestImage *image, uint64_t size) {
        struct stat st;

        if (fstat(image->fd, &st) < 0)
                return fail_with(EXIT_FAILED, "%s: cannot read its image: %m", image->guest);
        if (size < (uint64_t) st.st_size)
                return fail_with(EXIT_USAGE,
                                 "%s: its image has %s, and can only be made larger; for a smaller "
                                 "one, create a new guest from its files",
                                 image->guest, FORMAT_SIZE((uint64_t) st.st_size));
        return 0;
}

int verb_resize(const Options *o, const char *guest) {
        _cleanup_(guest_image_done) GuestImage image = GUEST_IMAGE_INIT;
        ImageChange change = { .modules = -1 };
        const char *given = o->words[0];
        Progress progress = {};
        int r;

        if (parse_size(given, &change.size) < 0 || change.size == 0 || change.size > INT64_MAX)
                return fail_with(EXIT_USAGE, "'%s': invalid size; use for example 2G", given);
        interrupt_block();
        progress_begin(&progress, guest, !o->quiet);
        r = guest_image_open(&image, guest);
        if (r == 0)
                r = check_size(&image, change.size);
        if (r == 0)
                r = guest_image_change(&image, &change, &progress);
        progress_end(&progress);
        if (r == 0 && !o->quiet)
                printf("%s: its image has %s\n", guest, FORMAT_SIZE(change.size));
        return r;
}
