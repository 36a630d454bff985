/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-table.c - finds a verb by its name or a unique prefix. */

#include "umlctl/verb-table.h"
#include "basic/string-util.h"

/* Appends ", name" to a list that may be NULL; on failure frees the list and returns NULL. */
static char *list_append(char *list, const char *name) {
        _cleanup_free_ char *old = list;

        return old ? strfmt("%s, %s", old, name) : strdup(name);
}

int verb_find(const Verb *verbs, size_t n, const char *name, const Verb **ret,
              char **ret_candidates) {
        _cleanup_free_ char *candidates = NULL;
        const Verb *found = NULL;
        size_t matches = 0;

        for (size_t i = 0; i < n; i++) {
                if (streq(verbs[i].name, name)) {
                        *ret = &verbs[i];
                        return 0;
                }
                if (isempty(name) || !startswith(verbs[i].name, name))
                        continue;
                found = &verbs[i];
                matches++;
                candidates = list_append(TAKE_PTR(candidates), verbs[i].name);
                if (!candidates)
                        return -ENOMEM;
        }
        if (matches == 1)
                *ret = found;
        else if (matches > 1)
                *ret_candidates = TAKE_PTR(candidates);
        return matches == 1 ? 0 : matches == 0 ? -ENOENT : -ENOTUNIQ;
}
