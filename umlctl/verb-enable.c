/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-enable.c - enable and disable. */

#include "api/exit-codes.h"
#include "umlctl/verbs.h"

int verb_enable(const Options *o, const char *guest) {
        int r = boot_set_enabled(o, guest, true);

        return r == EXIT_DONE && o->now ? verb_start(o, guest) : r;
}

int verb_disable(const Options *o, const char *guest) {
        int r = boot_set_enabled(o, guest, false);

        return r == EXIT_DONE && o->now ? verb_stop(o, guest) : r;
}
