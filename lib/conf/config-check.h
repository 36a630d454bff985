/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Checks of settings against each other. */

#include "conf/settings.h"

/* The lines of the settings, for error messages, counted through all files (parts.h); line 0 = not
 * in any of them. */
typedef struct ConfigLines {
        const char *file; /* NAME.conf */
        const char *text; /* of all files */
        size_t size;
        unsigned *setting; /* for each row of the table, the first line with it */
        unsigned disk[CONFIG_DISKS_MAX];
        unsigned forward[CONFIG_FORWARDS_MAX];
        unsigned proxy[CONFIG_FORWARDS_MAX];
} ConfigLines;

/* Returns 0, or -EINVAL with the line and the key at fault and a sentence in *ret_why. */
int config_check(const Config *c, const ConfigLines *lines, unsigned *ret_line,
                 const char **ret_key, char **ret_why);
