/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-modules.c - umld-modules: puts the modules that a guest needs into its image before a start,
 * for umld, which has the image open. */

#include <stdio.h>

#include "api/exit-codes.h"
#include "api/modules-protocol.h"
#include "umlctl/interrupt.h"
#include "umlctl/put-modules.h"

int main(int argc, char *argv[]) {
        _cleanup_(guest_image_done) GuestImage image = GUEST_IMAGE_INIT;
        _cleanup_strv_ Strv named = {};
        Progress progress = {};
        int r;

        if (argc < 3) {
                fputs("umld-modules is run by umld(8) and is of no use by itself\n", stderr);
                return EXIT_USAGE;
        }
        ModulesNeed need = { .kernel = argv[2], .named = &named };

        for (int i = 3; i < argc; i++)
                if (streq(argv[i], MODULES_FAST_NETWORK))
                        need.fast_network = true;
                else if (streq(argv[i], MODULES_IPV6))
                        need.ipv6 = true;
        interrupt_block();
        progress_begin(&progress, argv[1], false);
        guest_image_take(&image, argv[1], MODULES_IMAGE_FD);
        r = modules_named(argv[1], &named);
        return r == 0 ? modules_put(&image, &need, &progress, false) : r;
}
