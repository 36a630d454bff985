/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-recipe.c - any text as a recipe: refused with file and line, or statements whose blocks end
 * where they should. */

#include "fuzz.h"

#include <stdlib.h>

#include "basic/cleanup.h"
#include "imager/recipe.h"

typedef struct Input {
        const char *text;
        size_t size;
} Input;

/* The recipe can include itself, and a file that is right. */
static bool find(const char *name, const char **ret_path, const char **ret_text, size_t *ret_size,
                 void *userdata) {
        static const char more[] = "note more\n";
        const Input *in = userdata;
        bool own = streq(name, "a.recipe");

        if (!own && !streq(name, "more"))
                return false;
        *ret_path = name;
        *ret_text = own ? in->text : more;
        *ret_size = own ? in->size : strlen(more);
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { (const char *) data, size };
        _cleanup_(recipe_freep) Recipe *r = NULL;
        _cleanup_free_ char *why = NULL;

        if (recipe_parse("a", find, &in, &r, &why) < 0) {
                assert(why && strchr(why, ':'));
                return 0;
        }
        assert(!why && r->n <= RECIPE_STATEMENTS_MAX);
        for (size_t i = 0; i < r->n; i++) {
                const Statement *s = &r->v[i];

                assert(s->line > 0 && s->verb != RECIPE_INCLUDE);
                if (s->verb == RECIPE_IF || s->verb == RECIPE_ELSE)
                        assert(s->end > i && s->end < r->n);
        }
        return 0;
}
