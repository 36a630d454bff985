/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.c - prints the version of umld, what was compiled in, and what of the rest this host has.
 */

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "api/exit-codes.h"
#include "api/features.h"
#include "basic/cleanup.h"
#include "daemon/base/companions.h"
#include "daemon/version.h"
#include "nat/nft-run.h"
#include "umld-config.h"

static void print_companions(void) {
        static const char *const names[] = {
                [COMPANION_INIT] = "umld-init",
                [COMPANION_DISK_CHECK] = "umld-disk-check",
                [COMPANION_NOTIFY] = "umld-notify",
                [COMPANION_MODULES] = "umld-modules",
                [COMPANION_CPU_FIX] = "cpu-fix",
                [COMPANION_CONSOLE_FIX] = "console-fix",
                [COMPANION_TUN_FIX] = "tun-fix",
                [COMPANION_IMAGE_FIX] = "image-fix",
                [COMPANION_GUEST_INIT] = "umld-guest-init",
        };
        static_assert(ARRAY_SIZE(names) == COMPANION_MAX, "a name for every companion");

        for (Companion c = 0; c < COMPANION_MAX; c++) {
                _cleanup_free_ char *path = NULL;
                int r = companion_find(c, &path);

                assert(names[c]);
                feature_print(names[c], r >= 0 ? FEATURE_FOUND : FEATURE_MISSING, path);
        }
}

int version_print(void) {
        printf("umld %s\n", UMLD_VERSION);
        feature_print("iptables", FEATURE_BUILT, UMLD_WITH_LIBIPTC);
        feature_print("conntrack", FEATURE_BUILT, UMLD_WITH_CONNTRACK);
        feature_print("seccomp", *UMLD_WITH_SECCOMP ? FEATURE_BUILT : FEATURE_OFF,
                      UMLD_WITH_SECCOMP);
        feature_print("nftables", nft_has_library() ? FEATURE_FOUND : FEATURE_MISSING,
                      "libnftables.so.1");
        feature_print("systemd", sd_booted() > 0 ? FEATURE_FOUND : FEATURE_MISSING,
                      sd_booted() > 0 ? "PID 1 of this host" : "not PID 1 of this host");
        print_companions();
#ifdef NDEBUG
        feature_print("assertions", FEATURE_OFF, NULL);
#else
        feature_print("assertions", FEATURE_BUILT, NULL);
#endif
        return EXIT_DONE;
}
