/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* THE table of settings: one row for each key. It drives the parser, the defaults, the sample
 * configuration and the list of keys in the manual. */

#include "conf/config.h"

typedef struct Setting Setting;

/* Puts the value into its field of c. Returns 0; else -EINVAL with *ret_why (the caller's to
 * free()) saying what is wrong and what would be right, or -ENOMEM; single values are untouched
 * then. */
typedef int (*SettingParser)(const Setting *s, const char *value, Config *c, char **ret_why);

struct Setting {
        const char *section, *key;
        const char *syntax; /* of the value, for people */
        const char *help;   /* one sentence */
        const char *def;    /* text of the default; NULL = none, the field is empty then */
        const char *example;
        SettingParser
                parse; /* NULL = its feature has not landed: the key is documented and refused */
        size_t offset; /* of the field in Config, for parsers that serve several keys */
        uint64_t min, max;
        const char *const *choices;
        size_t n_choices;
        const char *later; /* choices that are not supported yet, a space between them */
        enum {
                DEFAULT_TEXT, /* def is parsed as it stands */
                DEFAULT_DISK, /* what config_load() was given */
                DEFAULT_NAME, /* the guest's name */
        } default_from;
        bool repeatable;
};

static inline bool setting_supported(const Setting *s) {
        return s->parse != NULL;
}

/* All rows, those of one section together. */
const Setting *settings_table(size_t *ret_n);

/* NULL where there is no such row. */
const Setting *setting_find(const char *section, const char *key);
