/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entries.c - the list of what a configuration says. */

#include "conf/entries.h"

void config_entries_done(ConfigEntries *e) {
        for (size_t i = 0; i < e->n; i++)
                free(e->v[i].value);
        free(e->v);
        *e = (ConfigEntries){};
}

int config_entries_add(ConfigEntries *e, const Setting *s, const char *value, unsigned line) {
        ConfigEntry *v;
        char *copy;

        if (!e)
                return 0;
        v = realloc(e->v, (e->n + 1) * sizeof(*v));
        if (!v)
                return -ENOMEM;
        e->v = v;
        copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        e->v[e->n++] = (ConfigEntry){ .setting = s, .value = copy, .line = line };
        return 0;
}

void config_entries_drop(ConfigEntries *e, const Setting *s) {
        size_t kept = 0;

        for (size_t i = 0; e && i < e->n; i++)
                if (e->v[i].setting == s)
                        free(e->v[i].value);
                else
                        e->v[kept++] = e->v[i];
        if (e)
                e->n = kept;
}
