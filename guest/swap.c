/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swap.c - swap space. */

#include <stdio.h>
#include <string.h>
#include <sys/swap.h>

#include "basic/string-util.h"
#include "guest/network.h"
#include "guest/swap.h"

void swap_up(const char *cmdline) {
        _cleanup_free_ char *disks = cmdline_value(cmdline, "umld_swap");
        char *rest = disks, *name;

        while ((name = strsep(&rest, ","))) {
                _cleanup_free_ char *path = strfmt("/dev/%s", name);

                if (path && swapon(path, 0) < 0)
                        fprintf(stderr, "umld: cannot enable swap on %s: %m\n", path);
        }
}
