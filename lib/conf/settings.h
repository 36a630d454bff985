/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* THE table of settings: one row for each key. It drives the parser, the defaults, the sample
 * configuration and the list of keys in the manual. */

#include "conf/config.h"

typedef struct Setting Setting;

/* How a value is kept in Config. */
typedef enum FieldKind {
        FIELD_NONE,
        FIELD_FLAT,  /* bytes, all of which count */
        FIELD_TEXT,  /* char *, NULL the same as "" */
        FIELD_WORDS, /* Strv */
        FIELD_PORTS, /* Forward *, followed by their number */
        FIELD_DISKS, /* Config's disks, and their number */
        FIELD_KIND_MAX,
} FieldKind;

typedef struct Field {
        FieldKind kind;
        size_t offset, size;
} Field;

/* When does a changed value take effect? Each row has to say it. */
typedef enum SettingChanges {
        CHANGES_UNSAID,
        CHANGES_AT_ONCE,  /* by a reload */
        CHANGES_AT_START, /* at the guest's next start */
} SettingChanges;

enum {
        SETTING_FIELDS = 2,
};

/* Parses value into its field of c. Returns 0, -EINVAL with a message in *ret_why, which the caller
 * frees, or -ENOMEM; single values are untouched on failure. */
typedef int (*SettingParser)(const Setting *s, const char *value, Config *c, char **ret_why);

struct Setting {
        const char *section, *key;
        const char *syntax; /* syntax of the value, for people */
        const char *help;   /* one sentence */
        const char *def;    /* text of the default; NULL = none, the field stays empty */
        const char *example;
        SettingParser parse; /* NULL = the key is documented, but rejected */
        SettingChanges changes;
        Field fields[SETTING_FIELDS]; /* parsers used by several keys store to the first one */
        uint64_t min, max;
        const char *const *choices;
        size_t n_choices;
        enum {
                DEFAULT_TEXT, /* def is parsed as it is */
                DEFAULT_DISK, /* the default_disk given to config_load() */
                DEFAULT_NAME, /* the guest's name */
        } default_from;
        bool repeatable;
        bool on_tap; /* of a change at the guest's next start: its tap is not the same then */
};

static inline bool setting_supported(const Setting *s) {
        return s->parse != NULL;
}

/* All rows, those of one section together. */
const Setting *settings_table(size_t *ret_n);

/* Returns NULL if there is no such row. */
const Setting *setting_find(const char *section, const char *key);
