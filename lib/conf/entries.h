/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a configuration says, key by key, for programs that show it to people. */

#include "conf/settings.h"

typedef struct ConfigEntry {
        const Setting *setting;
        char *value;   /* as in the file, or the default */
        unsigned line; /* of all files (parts.h); 0: it is the default */
} ConfigEntry;

typedef struct ConfigEntries {
        ConfigEntry *v;
        size_t n;
} ConfigEntries;

void config_entries_done(ConfigEntries *e);

/* e may be NULL: then the caller does not want the list, and nothing is done. */
int config_entries_add(ConfigEntries *e, const Setting *s, const char *value, unsigned line);
void config_entries_drop(ConfigEntries *e, const Setting *s);

/* Appends what is in force: the values of the files and the defaults, in the order of the files. */
int config_explain(const Config *c, const char *default_disk, ConfigEntries *ret);
