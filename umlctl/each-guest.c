/* SPDX-License-Identifier: GPL-2.0-or-later */
/* each-guest.c - shows one guest, or several one after the other. */

#include <stdio.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "umlctl/each-guest.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"

void each_title(Each *e) {
        if (!e->options->single)
                printf("%s%s:\n", e->titles++ > 0 ? "\n" : "", e->guest);
}

static int print(const Options *o, const json_t *all) {
        const json_t *document = o->single ? json_object_get(all, o->guests->v[0]) : all;

        return document && json_print(document) < 0 ? fail_with(EXIT_FAILED, "out of memory")
                                                    : EXIT_DONE;
}

int each_guest(const Options *o, EachShow show) {
        json_auto_t *all = json_object();
        Each e = { .options = o };
        int code = EXIT_DONE, r;

        if (o->guests->n == 0 && !o->json)
                return fail_with(EXIT_NO_GUEST, "no guest is configured: there is no %s/NAME.conf",
                                 umld_dir(DIR_CONFIG));
        for (size_t i = 0; all && i < o->guests->n; i++) {
                e.guest = o->guests->v[i];
                e.document = NULL;
                r = show(&e);
                code = code ?: r;
                if (e.document && json_object_set_new(all, e.guest, e.document) < 0)
                        return fail_with(EXIT_FAILED, "out of memory");
        }
        if (!all)
                return fail_with(EXIT_FAILED, "out of memory");
        r = o->json ? print(o, all) : EXIT_DONE;
        return code ?: r;
}
