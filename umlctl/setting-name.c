/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting-name.c - finds a setting by its name on the command line. */

#include "umlctl/setting-name.h"
#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/nearest.h"
#include "umlctl/say.h"

const Setting *setting_named(const char *key, size_t size) {
        const char *dot = memchr(key, '.', size);
        size_t n;
        const Setting *rows = settings_table(&n);

        for (const Setting *s = rows; s < rows + n; s++) {
                size_t section = strlen(s->section);
                bool here = dot ? (size_t) (dot - key) == section &&
                                            memcmp(key, s->section, section) == 0
                                : true;
                const char *name = dot ? dot + 1 : key;

                if (here && strlen(s->key) == size - (size_t) (name - key) &&
                    memcmp(name, s->key, strlen(s->key)) == 0)
                        return s;
        }
        return NULL;
}

int setting_fail(const char *option, const char *given, size_t size) {
        const char *nearest = NULL;
        _cleanup_free_ char *key = strndup(given, size);
        const char *dot = key ? strchr(key, '.') : NULL, *bare = dot ? dot + 1 : key;
        int best = 3;
        size_t n;
        const Setting *rows = settings_table(&n);

        for (const Setting *s = rows; key && s < rows + n; s++) {
                int slips = slips_between(bare, s->key);

                if (slips >= 0 && slips < best) {
                        best = slips;
                        nearest = s->key;
                }
        }
        return fail_with(EXIT_USAGE, "%s%s: unknown setting%s%s; see umld.conf(5)", option, given,
                         nearest ? ", did you mean " : "", nearest ?: "");
}
