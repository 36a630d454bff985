/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Checks of settings against each other. */

#include "conf/settings.h"

/* Where things stood in the file, for errors; line 0 = not in the file. */
typedef struct ConfigLines {
        unsigned *setting; /* for each row of the table, the first line with it */
        unsigned disk[CONFIG_DISKS_MAX];
        unsigned forward[CONFIG_FORWARDS_MAX];
        unsigned proxy[CONFIG_FORWARDS_MAX];
} ConfigLines;

/* The line of a key in the file. */
unsigned config_line_of(const ConfigLines *lines, const char *section, const char *key);

/* Returns 0; else -EINVAL with the line and the key that the user should look at and a sentence in
 * *ret_why. */
int config_check(const Config *c, const ConfigLines *lines, unsigned *ret_line,
                 const char **ret_key, char **ret_why);
