/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe-given.c - what umlctl create was given for recipes, and what of it was used. */

#include "imager/recipes.h"

const char *recipes_given(const Recipes *r, const char *name) {
        size_t n = strlen(name);
        const RecipeFile *f;

        for (size_t i = 0; i < r->given.n; i++)
                if (strncmp(r->given.v[i], name, n) == 0 && r->given.v[i][n] == '=')
                        return r->given.v[i] + n + 1;
        f = recipe_files_find(&r->files, name, true);
        return f ? f->data : NULL;
}

int recipes_use(Recipes *r, const char *name) {
        return strv_push(&r->used, name);
}

const char *recipes_unused(const Recipes *r) {
        const RecipeGiven *g;

        for (size_t i = 0; (g = recipe_given_row(i)); i++) {
                bool used = !g->option || !recipes_given(r, g->name);

                for (size_t k = 0; !used && k < r->used.n; k++)
                        used = streq(r->used.v[k], g->name);
                if (!used)
                        return g->option;
        }
        return NULL;
}
