/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.c - prints the version of umlctl, what was compiled in, and what of the rest this host
 * has. */

#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "api/exit-codes.h"
#include "api/features.h"
#include "basic/cleanup.h"
#include "basic/process.h"
#include "umlctl/programs.h"
#include "umlctl/verbs.h"
#include "umld-config.h"

static void print_part(const char *name, Program part) {
        _cleanup_free_ char *path = NULL, *real = NULL;

        if (program_find(part, &path) >= 0)
                real = realpath(path, NULL);
        feature_print(name, real ? FEATURE_FOUND : FEATURE_MISSING, real ?: path);
}

/* Programs of other packages, which some verbs run. */
static void print_foreign(void) {
        static const struct {
                const char *program, *purpose;
        } programs[] = {
                { "mmdebstrap", "for create --from debian:SUITE" },
                { "skopeo", "for create --from oci:IMAGE" },
                { "gpgv", "for create --from alpine and arch" },
        };

        FOREACH_ELEMENT (p, programs)
                feature_print(p->program,
                              program_installed(p->program) ? FEATURE_FOUND : FEATURE_MISSING,
                              p->purpose);
}

int version_print(void) {
        printf("umlctl %s\n", UMLD_VERSION);
        print_part("umld", PROGRAM_UMLD);
        print_part("umld-image", PROGRAM_IMAGE);
        if (UMLD_WITH_DOWNLOAD)
                print_part("umld-fetch", PROGRAM_FETCH);
        else
                feature_print("umld-fetch", FEATURE_OFF, NULL);
        print_part("umld-guest-init", PROGRAM_GUEST_INIT);
        print_part("recipes", PROGRAM_RECIPES);
        feature_print("systemd", sd_booted() > 0 ? FEATURE_FOUND : FEATURE_MISSING,
                      sd_booted() > 0 ? "PID 1 of this host" : "not PID 1 of this host");
        print_foreign();
        return EXIT_DONE;
}
