/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Checks of settings against each other. */

#include "conf/settings.h"

/* The lines of the settings in the file, for error messages; line 0 = not in the file. */
typedef struct ConfigLines {
        unsigned *setting; /* for each row of the table, the first line with it */
        unsigned disk[CONFIG_DISKS_MAX];
        unsigned forward[CONFIG_FORWARDS_MAX];
        unsigned proxy[CONFIG_FORWARDS_MAX];
} ConfigLines;

/* Returns 0, or -EINVAL with the line and the key at fault and a sentence in *ret_why. */
int config_check(const Config *c, const ConfigLines *lines, unsigned *ret_line,
                 const char **ret_key, char **ret_why);
